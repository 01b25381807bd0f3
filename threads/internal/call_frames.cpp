// thrum/threads/internal/call_frames.cpp: floor 1, threads
// Call frame information is a small program for each function, which tells for each of its instructions where
// the registers of its caller are (DWARF 5, 6.4; Linux Standard Base Core 5.0, 10.6). libgcc's unwinder runs
// it for the calling thread, whose registers it has and whose memory it trusts. Here most registers are
// unknown and every word may be gone.
#include <thrum/threads/internal/call_frames.hpp>

#if defined(__x86_64__)

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

// Of libgcc, as LLVM's libunwind has it too: the description of the function that holds an address.
struct dwarf_eh_bases {
    void* text;
    void* data;
    void* function;
};
extern "C" const void* _Unwind_Find_FDE(void* address, dwarf_eh_bases* bases);

namespace thrum::internal {

namespace {

using Word = std::optional<std::uint64_t>;

// System V ABI for x86-64, 3.6.2.
constexpr unsigned register_count = 17;
constexpr unsigned frame_pointer = 6;
constexpr unsigned stack_pointer_register = 7;
constexpr unsigned return_address = 16;
using Registers = std::array<Word, register_count>;

constexpr std::size_t largest_frame = 64 * 1024;  // in which a frame pointer is looked for

// Memory of this process, which may not be there.
class Memory {
public:
    bool copy(std::uint64_t from, void* to, std::size_t size) noexcept {
        auto* out = static_cast<unsigned char*>(to);
        for (; size > 0; --size, ++from, ++out) {
            if (!look(from)) return false;
            *out = block_[from - begin_];
        }
        return true;
    }
    Word word(std::uint64_t from) noexcept {
        std::uint64_t value = 0;
        return copy(from, &value, sizeof value) ? Word(value) : std::nullopt;
    }

private:
    bool look(std::uint64_t address) noexcept {
        const std::uint64_t begin = address / block_.size() * block_.size();  // within one page
        if (begin == begin_ && begin != 0) return true;
        const iovec ours{block_.data(), block_.size()};
        const iovec theirs{reinterpret_cast<void*>(begin), block_.size()};
        const bool got =
            ::process_vm_readv(::getpid(), &ours, 1, &theirs, 1, 0) == static_cast<ssize_t>(block_.size());
        begin_ = got ? begin : 0;
        return got;
    }

    std::array<unsigned char, 512> block_;
    std::uint64_t begin_ = 0;
};

// Reads what the linker has put into .eh_frame.
struct Bytes {
    const unsigned char* at = nullptr;
    const unsigned char* end = nullptr;

    bool empty() const noexcept { return at >= end; }
    template <class T>
    T fixed() noexcept {
        T value;
        std::memcpy(&value, at, sizeof value);
        at += sizeof value;
        return value;
    }
    std::uint64_t unsigned_leb() noexcept {
        std::uint64_t value = 0;
        for (unsigned shift = 0;; shift += 7) {
            const unsigned char byte = *at++;
            if (shift < 64) value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
            if ((byte & 0x80) == 0) return value;
        }
    }
    std::int64_t signed_leb() noexcept {
        std::uint64_t value = 0;
        unsigned shift = 0;
        unsigned char byte;
        do {
            byte = *at++;
            if (shift < 64) value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
            shift += 7;
        } while ((byte & 0x80) != 0);
        if (shift < 64 && (byte & 0x40) != 0) value |= ~std::uint64_t{0} << shift;
        return static_cast<std::int64_t>(value);
    }
    Bytes block() noexcept {
        const auto size = static_cast<std::size_t>(unsigned_leb());
        const Bytes found{at, at + size};
        at += size;
        return found;
    }
    // LSB 10.5.1: the low half says how large it is.
    void skip_encoded(unsigned char encoding) noexcept {
        switch (encoding & 0x0f) {
            case 0x01: unsigned_leb(); break;
            case 0x09: signed_leb(); break;
            case 0x02:
            case 0x0a: at += 2; break;
            case 0x03:
            case 0x0b: at += 4; break;
            default: at += 8;
        }
    }
};

// How one register of the caller is found.
struct Rule {
    enum Kind : unsigned char { same, undefined, at_offset, is_offset, in_register, at_result, is_result };
    Kind kind = same;
    std::int64_t value = 0;  // an offset from the frame's address, or a register
    Bytes expression = {};
};

struct Rules {
    std::array<Rule, register_count> registers{};
    std::uint64_t frame_register = 0;  // the frame's address is that and an offset, or an expression's result
    std::int64_t frame_offset = 0;
    Bytes frame_expression = {};

    void set(std::uint64_t number, Rule rule) noexcept {
        if (number < registers.size()) registers[static_cast<std::size_t>(number)] = rule;
    }
};

// The description of one function.
struct Function {
    std::uint64_t begin = 0;
    std::uint64_t code_factor = 1;
    std::int64_t data_factor = 1;
    bool is_signal_frame = false;
    Bytes common;  // both programs
    Bytes own;
};

std::optional<Function> function_at(std::uint64_t address) noexcept {
    dwarf_eh_bases bases{};
    const void* const found = _Unwind_Find_FDE(reinterpret_cast<void*>(address), &bases);
    if (found == nullptr) return std::nullopt;
    Function function;
    function.begin = reinterpret_cast<std::uint64_t>(bases.function);
    Bytes own{static_cast<const unsigned char*>(found), nullptr};
    const auto own_size = own.fixed<std::uint32_t>();
    own.end = own.at + own_size;
    const unsigned char* const here = own.at;
    Bytes common{here - own.fixed<std::int32_t>(), nullptr};
    const auto common_size = common.fixed<std::uint32_t>();
    if (own_size == 0xffffffff || common_size == 0xffffffff) return std::nullopt;  // 64 bits: nobody has that
    common.end = common.at + common_size;
    common.at += 4;  // that it is no function
    if (common.fixed<unsigned char>() != 1) return std::nullopt;
    const char* const augmentation = reinterpret_cast<const char*>(common.at);
    common.at += std::strlen(augmentation) + 1;
    function.code_factor = common.unsigned_leb();
    function.data_factor = common.signed_leb();
    if (common.unsigned_leb() != return_address) return std::nullopt;
    unsigned char pointers = 0;
    const bool has_data = augmentation[0] == 'z';
    if (augmentation[0] != '\0' && !has_data) return std::nullopt;
    if (has_data) {
        Bytes data = common.block();
        for (const char* letter = augmentation + 1; *letter != '\0'; ++letter) {
            if (*letter == 'R') pointers = data.fixed<unsigned char>();
            if (*letter == 'L') data.fixed<unsigned char>();
            if (*letter == 'P') data.skip_encoded(data.fixed<unsigned char>());
            if (*letter == 'S') function.is_signal_frame = true;
        }
    }
    own.skip_encoded(pointers);         // where the function begins
    own.skip_encoded(pointers & 0x0f);  // its size
    if (has_data) own.block();
    function.common = common;
    function.own = own;
    return function;
}

// Runs call frame programs as far as one address.
class Table {
public:
    Table(const Function& function, std::uint64_t target) noexcept
        : function_(function), target_(target), location_(function.begin) {}

    std::optional<Rules> rules() noexcept {
        if (!run(function_.common, false)) return std::nullopt;
        first_ = rules_;
        if (!run(function_.own, true)) return std::nullopt;
        return rules_;
    }

private:
    static constexpr std::size_t most_remembered = 4;

    bool run(Bytes program, bool located) noexcept {
        while (!program.empty() && (!located || location_ <= target_)) {
            const auto byte = program.fixed<unsigned char>();
            const unsigned low = byte & 0x3f;
            switch (byte & 0xc0) {
                case 0x40: location_ += low * function_.code_factor; break;
                case 0x80: rules_.set(low, {Rule::at_offset, scaled(program), {}}); break;
                case 0xc0: restore(low); break;
                default:
                    if (!(low <= 0x0f ? change_frame(low, program) : change_register(low, program)))
                        return false;
            }
        }
        return true;
    }

    // DWARF 5, 6.4.2 and 7.24: DW_CFA_nop to DW_CFA_def_cfa_expression.
    bool change_frame(unsigned operation, Bytes& program) noexcept {
        std::uint64_t number = 0;
        switch (operation) {
            case 0x00: break;
            case 0x02: location_ += program.fixed<std::uint8_t>() * function_.code_factor; break;
            case 0x03: location_ += program.fixed<std::uint16_t>() * function_.code_factor; break;
            case 0x04: location_ += program.fixed<std::uint32_t>() * function_.code_factor; break;
            case 0x05:
                number = program.unsigned_leb();
                rules_.set(number, {Rule::at_offset, scaled(program), {}});
                break;
            case 0x06: restore(program.unsigned_leb()); break;
            case 0x07: rules_.set(program.unsigned_leb(), {Rule::undefined, 0, {}}); break;
            case 0x08: rules_.set(program.unsigned_leb(), {}); break;
            case 0x09:
                number = program.unsigned_leb();
                rules_.set(number,
                           {Rule::in_register, static_cast<std::int64_t>(program.unsigned_leb()), {}});
                break;
            case 0x0a:
                if (remembered_count_ == remembered_.size()) return false;
                remembered_[remembered_count_++] = rules_;
                break;
            case 0x0b:
                if (remembered_count_ == 0) return false;
                rules_ = remembered_[--remembered_count_];
                break;
            case 0x0c:
                number = program.unsigned_leb();
                frame_at(number, static_cast<std::int64_t>(program.unsigned_leb()));
                break;
            case 0x0d: frame_at(program.unsigned_leb(), rules_.frame_offset); break;
            case 0x0e: rules_.frame_offset = static_cast<std::int64_t>(program.unsigned_leb()); break;
            case 0x0f: rules_.frame_expression = program.block(); break;
            default: return false;
        }
        return true;
    }

    // DW_CFA_expression to DW_CFA_val_expression, and GNU's.
    bool change_register(unsigned operation, Bytes& program) noexcept {
        if (operation == 0x2e) {  // DW_CFA_GNU_args_size
            program.unsigned_leb();
            return true;
        }
        if (operation == 0x13) {
            rules_.frame_offset = program.signed_leb() * function_.data_factor;
            return true;
        }
        const std::uint64_t number = program.unsigned_leb();
        switch (operation) {
            case 0x10: rules_.set(number, {Rule::at_result, 0, program.block()}); break;
            case 0x11:
                rules_.set(number, {Rule::at_offset, program.signed_leb() * function_.data_factor, {}});
                break;
            case 0x12: frame_at(number, program.signed_leb() * function_.data_factor); break;
            case 0x14: rules_.set(number, {Rule::is_offset, scaled(program), {}}); break;
            case 0x15:
                rules_.set(number, {Rule::is_offset, program.signed_leb() * function_.data_factor, {}});
                break;
            case 0x16: rules_.set(number, {Rule::is_result, 0, program.block()}); break;
            default: return false;
        }
        return true;
    }

    std::int64_t scaled(Bytes& program) const noexcept {
        return static_cast<std::int64_t>(program.unsigned_leb()) * function_.data_factor;
    }
    void restore(std::uint64_t number) noexcept {
        if (number < register_count) rules_.set(number, first_.registers[static_cast<std::size_t>(number)]);
    }
    void frame_at(std::uint64_t number, std::int64_t offset) noexcept {
        rules_.frame_register = number;
        rules_.frame_offset = offset;
        rules_.frame_expression = {};
    }

    const Function& function_;
    const std::uint64_t target_;
    std::uint64_t location_;
    Rules rules_;
    Rules first_;
    std::array<Rules, most_remembered> remembered_;
    std::size_t remembered_count_ = 0;
};

class Walk {
public:
    Walk(std::uint64_t stack_pointer, std::uint64_t program_counter) noexcept : address_(program_counter) {
        registers_[stack_pointer_register] = stack_pointer;
    }

    Frames walk() noexcept {
        Frames frames;
        do {
            // The instruction that made the call, or the system call, not the one after it.
            frames.addresses[frames.count++] = address_ - (is_interrupted_ ? 0 : 1);
        } while (frames.count < Frames::most && step());
        return frames;
    }

private:
    // To the caller.
    bool step() noexcept {
        const std::uint64_t target = address_ - (is_interrupted_ ? 0 : 1);
        const auto function = function_at(target);
        if (!function) return false;
        const auto rules = Table(*function, target).rules();
        if (!rules) return false;
        const Word frame = frame_address(*function, *rules);
        if (!frame) return false;
        Registers above = registers_;
        for (unsigned i = 0; i < register_count; ++i) above[i] = value(i, rules->registers[i], *frame);
        if (rules->registers[stack_pointer_register].kind == Rule::same)
            above[stack_pointer_register] = frame;
        const Word to = above[return_address];
        if (rules->registers[return_address].kind == Rule::same || !to || *to == 0) return false;
        const bool rises = above[stack_pointer_register] > registers_[stack_pointer_register];
        if (!rises && !function->is_signal_frame) return false;  // no stack does that
        registers_ = above;
        registers_[return_address].reset();
        address_ = *to;
        is_interrupted_ = function->is_signal_frame;
        return true;
    }

    Word frame_address(const Function& function, const Rules& rules) noexcept {
        if (rules.frame_expression.at != nullptr) return evaluate(rules.frame_expression, std::nullopt);
        if (rules.frame_register >= register_count) return std::nullopt;
        Word& base = registers_[static_cast<std::size_t>(rules.frame_register)];
        if (!base && rules.frame_register == frame_pointer && rules.frame_offset == 16)
            base = find_frame_pointer(function.begin);
        return plus(base, rules.frame_offset);
    }

    Word value(unsigned number, const Rule& rule, std::uint64_t frame) noexcept {
        switch (rule.kind) {
            case Rule::same: return registers_[number];
            case Rule::at_offset: return memory_.word(frame + static_cast<std::uint64_t>(rule.value));
            case Rule::is_offset: return frame + static_cast<std::uint64_t>(rule.value);
            case Rule::in_register:
                if (static_cast<std::uint64_t>(rule.value) < register_count)
                    return registers_[static_cast<std::size_t>(rule.value)];
                return std::nullopt;
            case Rule::at_result: {
                const Word at = evaluate(rule.expression, frame);
                return at ? memory_.word(*at) : std::nullopt;
            }
            case Rule::is_result: return evaluate(rule.expression, frame);
            case Rule::undefined: break;
        }
        return std::nullopt;
    }

    static Word plus(Word word, std::int64_t offset) noexcept {
        return word ? Word(*word + static_cast<std::uint64_t>(offset)) : std::nullopt;
    }

    // DWARF 5, 2.5: as much of it as compilers put here, which is an address in a register, where a frame was
    // aligned or the kernel has put the registers of the interrupted code.
    Word evaluate(Bytes expression, Word first) noexcept {
        Word top = first;
        while (!expression.empty()) {
            const auto operation = expression.fixed<unsigned char>();
            if (operation == 0x06 && top) {  // DW_OP_deref
                top = memory_.word(*top);
            } else if (operation == 0x23) {  // DW_OP_plus_uconst
                top = plus(top, static_cast<std::int64_t>(expression.unsigned_leb()));
            } else if (operation >= 0x70 && operation < 0x70 + register_count) {  // DW_OP_breg0 …
                top = plus(registers_[operation - 0x70], expression.signed_leb());
            } else {
                return std::nullopt;
            }
        }
        return top;
    }

    // Where the function that begins at `function` has kept its caller's frame pointer: right below an
    // address to return to, before which that function was called by its name. The lowest such place is its
    // own.
    Word find_frame_pointer(std::uint64_t function) noexcept {
        const std::uint64_t from = *registers_[stack_pointer_register] / 16 * 16;
        for (std::uint64_t at = from; at < from + largest_frame; at += 16) {
            const Word to = memory_.word(at + 8);
            if (!to) return std::nullopt;
            if (at >= *registers_[stack_pointer_register] && calls(*to, function)) return at;
        }
        return std::nullopt;
    }

    // Whether the instruction before `after` calls `function`: directly, through the procedure linkage table,
    // or through the global offset table.
    bool calls(std::uint64_t after, std::uint64_t function) noexcept {
        std::array<unsigned char, 6> code;
        if (after < 4096 || !memory_.copy(after - code.size(), code.data(), code.size())) return false;
        const std::uint64_t target = after + relative(code.data() + 2);
        if (code[0] == 0xff && code[1] == 0x15 && memory_.word(target) == function) return true;
        if (code[1] != 0xe8) return false;
        if (target == function) return true;
        std::array<unsigned char, 16> stub;
        if (!memory_.copy(target, stub.data(), stub.size())) return false;
        std::size_t at = 0;
        if (std::memcmp(stub.data(), "\xf3\x0f\x1e\xfa", 4) == 0) at += 4;  // endbr64
        if (stub[at] == 0xf2) ++at;                                         // bnd
        if (stub[at] != 0xff || stub[at + 1] != 0x25) return false;         // jmp *…(%rip)
        return memory_.word(target + at + 6 + relative(stub.data() + at + 2)) == function;
    }

    static std::uint64_t relative(const unsigned char* bytes) noexcept {
        std::int32_t offset;
        std::memcpy(&offset, bytes, sizeof offset);
        return static_cast<std::uint64_t>(static_cast<std::int64_t>(offset));
    }

    std::uint64_t address_;        // where this function goes on
    bool is_interrupted_ = false;  // by a signal, and has made no call
    Registers registers_{};
    Memory memory_;
};

}  // namespace

Frames unwind_from(std::uintptr_t stack_pointer, std::uintptr_t program_counter) noexcept {
    return Walk(stack_pointer, program_counter).walk();
}

}  // namespace thrum::internal

#else

namespace thrum::internal {

Frames unwind_from(std::uintptr_t, std::uintptr_t) noexcept { return {}; }

}  // namespace thrum::internal

#endif
