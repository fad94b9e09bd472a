#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace report {

/// A curve of any number of points in bounded memory: when it is full, neighbours are averaged and from then on each
/// point stands for twice as many.
class Series {
public:
    struct Point {
        double x = 0;
        double y = 0;
    };

    explicit Series(std::string name, std::size_t max_points = 512) : name_(std::move(name)), max_points_(max_points) {
        points_.reserve(max_points);
    }

    void add(double x, double y) {
        sum_.x += x;
        sum_.y += y;
        if (++count_ < width_) return;
        const auto number = static_cast<double>(count_);
        points_.push_back({sum_.x / number, sum_.y / number});
        sum_ = {};
        count_ = 0;
        if (points_.size() == max_points_) halve();
    }

    const std::string& name() const { return name_; }
    const std::vector<Point>& points() const { return points_; }

private:
    void halve() {
        for (std::size_t i = 0; i < points_.size() / 2; ++i) {
            const Point &left = points_[2 * i], &right = points_[2 * i + 1];
            points_[i] = {(left.x + right.x) / 2, (left.y + right.y) / 2};
        }
        points_.resize(points_.size() / 2);
        width_ *= 2;
    }

    std::string name_;
    std::size_t max_points_;
    std::vector<Point> points_;
    Point sum_;
    std::size_t count_ = 0;
    std::size_t width_ = 1;
};

}  // namespace report
