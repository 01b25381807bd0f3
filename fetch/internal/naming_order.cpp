// thrum/fetch/internal/naming_order.cpp: floor 5, fetch
#include <thrum/fetch/internal/naming_order.hpp>

#include <mutex>
#include <utility>

namespace thrum::fetch::internal {

void NamingOrder::reserve(const std::vector<std::string>& names) {
    reserved_.reserve(names.size());
    for (const std::string& name : names) reserved_.push_back(table_.claim(name));
    answers_.resize(names.size(), Answer::awaited);
    names_.resize(names.size());
}

void NamingOrder::suggest(std::size_t turn, std::optional<std::string> name) {
    const std::scoped_lock lock(lock_);
    if (answers_[turn] != Answer::awaited) return;
    answers_[turn] = Answer::given;
    names_[turn] = std::move(name).value_or(std::string());
    advance();
}

void NamingOrder::give_up(std::size_t turn) {
    const std::scoped_lock lock(lock_);
    if (answers_[turn] == Answer::awaited) answers_[turn] = Answer::none;
    advance();
}

void NamingOrder::advance() {
    for (; decided_ < answers_.size() && answers_[decided_] != Answer::awaited; ++decided_) {
        std::string& name = names_[decided_];
        name = name.empty() || name == reserved_[decided_] ? reserved_[decided_] : table_.claim(name);
    }
    advanced_.notify_all();
}

std::string NamingOrder::final_name(std::size_t turn) {
    std::unique_lock lock(lock_);
    advanced_.wait(lock, [&] { return decided_ > turn; });
    return names_[turn];
}

}  // namespace thrum::fetch::internal
