"""Modules that no page needs at its start, fetched at the moment a cell imports them."""

import importlib
import sys
from importlib.machinery import PathFinder

CORE = "/lib/python312.zip"
SITE = "/lib/python3.12/site-packages"


class LateFinder:
    """Finds what the finders before it did not: the rest of the standard library, numpy, whole packages.

    Parameters
    ----------
    archives : dict of str to iterable of str
        ``{"rest.zip": ["calendar", …], …}``, the names of the modules in each archive.
    packages : dict of str to dict
        ``{"pandas": {"file": …, "imports": […], "needs": […]}, …}``, what can be installed.
    """

    install = None
    """Function of (str) that fetches an archive, waits for it, and unpacks it into `SITE`."""

    def __init__(self, archives, packages):
        self._archive = {module: archive for archive, modules in archives.items() for module in modules}
        self._packages = packages
        self._provider = {module: name for name, entry in packages.items() for module in entry["imports"]}
        self._installed = set()

    def find_spec(self, name, path=None, target=None):
        if name in self._archive:
            self._unpack(self._archive[name])
        elif name in self._provider:
            package = self._provider[name]
            for needed in (*self._packages[package]["needs"], package):
                self._unpack(f"packages/{self._packages[needed]['file']}")
        # The parts of a package that began in the archive of the start lie in the folder of the others.
        folders = [folder.replace(CORE, SITE) for folder in path] if path is not None else None
        return PathFinder.find_spec(name, folders, target)

    def _unpack(self, archive):
        if archive not in self._installed:
            self.install(archive)
            self._installed.add(archive)
            # Not `invalidate_caches()`: it would read the directory of the archive of the start again.
            for folder in [folder for folder in sys.path_importer_cache if folder.startswith(SITE)]:
                del sys.path_importer_cache[folder]


_finder = None


def preload(names, archives, packages):
    """Import what every start needs, before the memory is kept for the next start; the rest can be found from then on."""
    global _finder
    _finder = LateFinder(archives, packages)
    sys.meta_path.append(_finder)
    importlib.import_module("zipfile")  # what unpacks must not itself be late
    for name in names:
        importlib.import_module(name)


def begin(install):
    """Do what a kept memory cannot do for a new start: draw other random numbers, know the worker's ``install``."""
    random = sys.modules.get("random")
    if random is not None:
        random.seed()
    _finder.install = install
