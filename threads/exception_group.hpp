// thrum/threads/exception_group.hpp: floor 1, threads
// ExceptionGroup: several errors that happened side by side, thrown together.
#pragma once

#include <thrum/base/errors.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <vector>

namespace thrum {

// Python's ExceptionGroup (PEP 654). TaskGroup::wait() throws one where two or more of its threads failed; a
// single error is thrown as itself. what() says how many there were and lists the first ten.
class ExceptionGroup : public Error {
public:
    static constexpr std::size_t most_listed = 10;

    // In the order in which they happened. Throws Error when there are none.
    explicit ExceptionGroup(std::vector<std::exception_ptr> errors);

    const std::vector<std::exception_ptr>& errors() const noexcept { return *errors_; }

    // What Python's `except* Exception` does: calls handler(const Exception&) for each error of that type, in
    // order, those in groups inside this one too, and says for how many.
    template <class Exception, class Handler>
    std::size_t handle(Handler&& handler) const {
        std::size_t handled = 0;
        for (const auto& error : errors()) {
            try {
                std::rethrow_exception(error);
            } catch (const Exception& found) {
                ++handled;
                handler(found);
            } catch (const ExceptionGroup& inner) {
                handled += inner.handle<Exception>(handler);
            } catch (...) {  // of another type: the caller's to handle otherwise
            }
        }
        return handled;
    }
    template <class Exception>
    bool contains() const {
        return handle<Exception>([](const Exception&) {}) > 0;
    }

private:
    std::shared_ptr<const std::vector<std::exception_ptr>> errors_;  // copies of an exception must not throw
};

}  // namespace thrum
