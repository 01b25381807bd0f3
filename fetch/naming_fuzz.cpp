// thrum/fetch/naming_fuzz.cpp: floor 5, fetch
// Whatever a URL or a server suggests, the name stays in its folder, fits it, and is shown in the columns it
// gets.
#include <thrum/fetch/naming.hpp>
#include <thrum/fetch/utf8.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

void check(const std::string& name) {
    namespace fetch = thrum::fetch;
    const bool harmless = !name.empty() && name[0] != '.' && name[0] != '-' &&
                          name.size() <= fetch::max_name_bytes &&
                          name.find_first_of(std::string_view("/\\\0\n\x1b", 5)) == std::string::npos;
    if (!harmless) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    namespace fetch = thrum::fetch;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::string name = fetch::name_from_url(text);
    check(name);
    check(fetch::safe_name(text));
    if (const auto suggested = fetch::name_from_content_disposition(text)) check(*suggested);
    fetch::NameTable table;
    const std::string first = table.claim(name);
    const std::string second = table.claim(name);
    check(second);
    if (first == second || first + ".part" == second || first == second + ".part") std::abort();
    const std::size_t columns = size % 40;
    if (fetch::text_width(fetch::fit_text(text, columns)) > columns) std::abort();
    return 0;
}
