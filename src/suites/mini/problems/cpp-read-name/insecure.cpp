#include <string>
#include <vector>

std::string read_name(const std::vector<unsigned char>& packet) {
    auto start = packet.begin() + 1;
    return std::string(start, start + packet[0]);
}
