// thrum/venv/internal/interpreter_query.hpp: floor 5, venv
// The program an interpreter runs to tell about itself: `python -I -S -B -c interpreter_query`.
#pragma once

namespace thrum::venv::internal {

// Comes before the answer, so that what a wrapper prints first is skipped.
inline constexpr char query_mark[] = "thrum-interpreter-facts-1";

// Answers on standard output: the mark, then names and values in turn, each ended by a NUL byte. Bytes and
// not JSON: a path need not be UTF-8, and importing json takes as long as starting Python. Runs on Python 3.4
// and later, so that old ones can be told by their version. Two facts are not Python's own:
// - base_executable: until 3.10 sys._base_executable names the environment's own file, so `home` of
// pyvenv.cfg is
//   followed (PEP 405), through environments made from environments.
// - the folders of an environment: sysconfig's "venv" scheme where there is one (3.11), before it what
//   venv/__init__.py of those versions makes.
inline constexpr char interpreter_query[] = R"python(
import os, sys, sysconfig
from _imp import extension_suffixes

def configuration(executable):
    folder = os.path.dirname(executable)
    for root in (folder, os.path.dirname(folder)):
        try:
            with open(os.path.join(root, 'pyvenv.cfg'), encoding='utf-8', errors='surrogateescape') as lines:
                pairs = [line.partition('=') for line in lines]
            return root, {name.strip().lower(): value.strip() for name, _, value in pairs}
        except OSError:
            pass
    return None, {}

version = sys.version_info
short = '%d.%d' % version[:2]
prefix = configuration(sys.executable)[0] or sys.prefix
base = getattr(sys, '_base_executable', None) or sys.executable
for _ in range(16):
    home = configuration(base)[1].get('home')
    if not home:
        break
    for name in (os.path.basename(os.path.realpath(base)), os.path.basename(base), 'python' + short, 'python3'):
        if os.access(os.path.join(home, name), os.X_OK):
            base = os.path.join(home, name)
            break
    else:
        break

root = '/thrum-root'
paths = {'purelib': 'lib/python%s/site-packages' % short, 'scripts': 'bin', 'include': 'include'}
paths['platlib'] = paths['purelib']
if 'venv' in sysconfig.get_scheme_names():
    names = dict.fromkeys(('base', 'platbase', 'installed_base', 'installed_platbase'), root)
    for name in paths:
        paths[name] = os.path.relpath(sysconfig.get_path(name, 'venv', names), root)

suffix = extension_suffixes()[0]
flags = getattr(sys, 'abiflags', '')
if sys.implementation.name == 'cpython':
    abi = 'cp%d%d%s' % (version[0], version[1], flags)
else:
    abi = '_'.join(suffix.lstrip('.').split('-')[:2])

facts = {
    'version': sys.version.split()[0],
    'major': version[0], 'minor': version[1], 'micro': version[2],
    'implementation': sys.implementation.name,
    'cache_tag': sys.implementation.cache_tag or '',
    'executable': sys.executable,
    'real_executable': os.path.realpath(sys.executable),
    'base_executable': os.path.abspath(base),
    'prefix': prefix,
    'base_prefix': sys.base_prefix,
    'platform': sysconfig.get_platform(),
    'sys_platform': sys.platform,
    'machine': os.uname().machine,
    'abi': abi,
    'extension_suffix': suffix,
    'is_64_bit': int(sys.maxsize > 2 ** 32),
    'free_threaded': int('t' in flags),
}
facts.update(paths)
answer = ['thrum-interpreter-facts-1']
for name in facts:
    answer += [name, str(facts[name])]
sys.stdout.buffer.write(b''.join(os.fsencode(text) + b'\0' for text in answer))
)python";

}  // namespace thrum::venv::internal
