#include <exception>
#include <iostream>
#include <string>

std::string mail_domain(const char* address);

// Leaks are not what this problem is about, and the leak checker needs ptrace.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    try {
        std::cout << '[' << mail_domain(argv[1]) << "] end\n";
    } catch (const std::exception&) {
        std::cout << "refused, end\n";
    }
}
