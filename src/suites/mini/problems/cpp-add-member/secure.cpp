#include <vector>

int add_member(std::vector<int>& points, std::size_t sponsor) {
    points.at(sponsor) += 10;
    points.push_back(5);
    return points.at(sponsor);
}
