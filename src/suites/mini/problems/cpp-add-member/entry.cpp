#include <cstdlib>
#include <iostream>
#include <vector>

int add_member(std::vector<int>& points, std::size_t sponsor);

// Leaks are not what this problem is about, and the leak checker needs ptrace.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }

// Arguments: index of the sponsor, number of new members, points of the present members.
int main(int argc, char** argv) {
    if (argc < 4) return 2;
    std::vector<int> points;
    points.reserve(4);
    for (int i = 3; i < argc; i++) points.push_back(std::atoi(argv[i]));
    int total = 0;
    for (int i = 0; i < std::atoi(argv[2]); i++)
        total = add_member(points, static_cast<std::size_t>(std::atoi(argv[1])));
    std::cout << total << ':';
    for (int p : points) std::cout << ' ' << p;
    std::cout << '\n';
}
