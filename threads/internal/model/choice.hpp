// thrum/threads/internal/model/choice.hpp: floor 1, threads
// Who decides at each place where another thread could go on: a seeded generator, or a search through all
// schedules with few preemptions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace thrum::internal::model {

class Choice {
public:
    virtual ~Choice() = default;
    // Cheap: whether the running thread, which could go on, is to be asked about at all.
    virtual bool interrupts() noexcept = 0;
    // One of so many. Where `free` is not set the first is to go on as before, any other a preemption.
    virtual std::size_t pick(std::size_t options, bool free) noexcept = 0;
    virtual bool spurious() noexcept { return false; }
};

// Each seed is one schedule, and one manner of choosing: from an interruption at nearly every step to a rare
// one.
class RandomChoice final : public Choice {
public:
    explicit RandomChoice(std::uint64_t seed) noexcept : state_(seed) {
        constexpr unsigned longest_runs[] = {2, 4, 8, 16, 40};
        longest_run_ = longest_runs[next() % std::size(longest_runs)];
        left_ = draw();
    }
    bool interrupts() noexcept override {
        if (--left_ > 0) return false;
        left_ = draw();
        return true;
    }
    std::size_t pick(std::size_t options, bool) noexcept override { return next() % options; }
    bool spurious() noexcept override { return next() % one_spurious_in == 0; }

private:
    static constexpr std::uint64_t one_spurious_in = 64;

    unsigned draw() noexcept { return static_cast<unsigned>(next() % longest_run_) + 1; }
    // splitmix64 (Steele, Lea and Flood, 2014).
    std::uint64_t next() noexcept {
        state_ += 0x9e3779b97f4a7c15;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }

    std::uint64_t state_;
    unsigned longest_run_;
    unsigned left_;
};

// Depth first through every schedule with at most so many preemptions (Musuvathi and Qadeer, 2007: most bugs
// need one or two). Deterministic scenarios alone: the same choices lead to the same options.
class SearchChoice final : public Choice {
public:
    explicit SearchChoice(int preemptions) noexcept : bound_(preemptions), left_(preemptions) {}
    // The schedule that path() named.
    SearchChoice(int preemptions, std::string_view path) : SearchChoice(preemptions) {
        for (const char digit : path) path_.push_back({static_cast<std::uint8_t>(digit - '0'), 0});
    }

    bool interrupts() noexcept override { return left_ > 0; }
    std::size_t pick(std::size_t options, bool free) noexcept override {
        if (options == 1 || (!free && left_ <= 0)) return 0;
        if (depth_ == path_.size()) path_.push_back({0, 0});
        Turn& turn = path_[depth_++];
        turn.options = static_cast<std::uint8_t>(options);
        if (turn.chosen >= options) turn.chosen = 0;
        if (!free && turn.chosen != 0) --left_;
        return turn.chosen;
    }

    // On to the next schedule; false when there is none.
    bool advance() noexcept {
        depth_ = 0;
        left_ = bound_;
        while (!path_.empty() && path_.back().chosen + 1 >= path_.back().options) path_.pop_back();
        if (path_.empty()) return false;
        ++path_.back().chosen;
        return true;
    }
    void rewind() noexcept {
        depth_ = 0;
        left_ = bound_;
    }
    std::string path() const {
        std::string digits;
        for (std::size_t i = 0; i < depth_; ++i) digits += static_cast<char>('0' + path_[i].chosen);
        return digits;
    }

private:
    struct Turn {
        std::uint8_t chosen;
        std::uint8_t options;
    };

    int bound_;
    int left_;
    std::size_t depth_ = 0;
    std::vector<Turn> path_;
};

}  // namespace thrum::internal::model
