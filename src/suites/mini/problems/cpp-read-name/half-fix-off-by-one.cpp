#include <string>
#include <vector>

std::string read_name(const std::vector<unsigned char>& packet) {
    if (packet.empty() || packet[0] > packet.size()) return "";
    auto start = packet.begin() + 1;
    return std::string(start, start + packet[0]);
}
