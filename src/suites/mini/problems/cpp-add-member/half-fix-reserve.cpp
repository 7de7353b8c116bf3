#include <vector>

int add_member(std::vector<int>& points, std::size_t sponsor) {
    int& total = points.at(sponsor);
    points.reserve(points.size() + 1);
    points.push_back(5);
    total += 10;
    return total;
}
