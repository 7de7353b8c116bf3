#include <exception>
#include <iostream>
#include <string>
#include <vector>

std::string read_name(const std::vector<unsigned char>& packet);

// Leaks are not what this problem is about, and the leak checker needs ptrace.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    const std::string hex = argv[1];
    std::vector<unsigned char> bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        bytes.push_back(static_cast<unsigned char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    // A vector that is exactly as large as the packet: growing leaves spare capacity in which a read would go unseen.
    const std::vector<unsigned char> packet(bytes.begin(), bytes.end());
    try {
        std::cout << '[' << read_name(packet) << "] end\n";
    } catch (const std::exception&) {
        std::cout << "refused, end\n";
    }
}
