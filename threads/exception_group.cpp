// thrum/threads/exception_group.cpp: floor 1, threads
#include <thrum/threads/exception_group.hpp>

#include <algorithm>
#include <string>

namespace thrum {

namespace {

std::string words_of(const std::exception_ptr& error) {
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& known) {
        return known.what();
    } catch (...) {
        return "not a std::exception";
    }
}

std::string list_of(const std::vector<std::exception_ptr>& errors) {
    if (errors.empty()) throw Error("cannot make a group of no exceptions; one is the least");
    std::string list = std::to_string(errors.size()) + (errors.size() == 1 ? " error: " : " errors: ");
    const std::size_t listed = std::min(errors.size(), ExceptionGroup::most_listed);
    for (std::size_t i = 0; i < listed; ++i) list += (i == 0 ? "" : "; ") + words_of(errors[i]);
    if (listed < errors.size()) list += "; and " + std::to_string(errors.size() - listed) + " more";
    return list;
}

}  // namespace

ExceptionGroup::ExceptionGroup(std::vector<std::exception_ptr> errors)
    : Error(list_of(errors)),
      errors_(std::make_shared<const std::vector<std::exception_ptr>>(std::move(errors))) {}

}  // namespace thrum
