// thrum/venv/internal/paths.hpp: floor 5, venv
// std::filesystem with errors of the house's own tree, and the few file operations it lacks.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace thrum::venv::internal {

// `path` made absolute and, as os.path.abspath() does, free of ".", ".." and a trailing slash without asking
// the file system. All functions here throw OSError naming the path.
std::filesystem::path absolute_path(const std::filesystem::path& path);
// mkdir -p.
void make_folders(const std::filesystem::path& path);
// rm -rf, on an ordinary thread: an environment holds tens of thousands of files.
void remove_tree(const std::filesystem::path& path);
// Removes what `folder` holds but the entry `keep`.
void empty_folder(const std::filesystem::path& folder, std::string_view keep = {});
// Makes `link` a symbolic link to `target`, in place of a file or link of that name.
void place_link(const std::filesystem::path& target, const std::filesystem::path& link);
// Makes `copy` a copy of the file `source` with mode 0755, in place of a file or link of that name.
void place_copy(const std::filesystem::path& source, const std::filesystem::path& copy);

enum class Moved { done, not_possible };
// rename(2); a target that is an empty folder is replaced. not_possible where source and target cannot change
// places at all (mount points, file systems); other failures throw.
Moved move_folder(const std::filesystem::path& source, const std::filesystem::path& target);
// Swaps two folders in one step (RENAME_EXCHANGE of renameat2(2)).
Moved exchange_folders(const std::filesystem::path& first, const std::filesystem::path& second);

}  // namespace thrum::venv::internal
