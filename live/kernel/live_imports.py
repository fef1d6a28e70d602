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
    install : function of (str)
        Fetches an archive, waits for it, and unpacks it into `SITE`.
    """

    def __init__(self, archives, packages, install):
        self._archive = {module: archive for archive, modules in archives.items() for module in modules}
        self._packages = packages
        self._provider = {module: name for name, entry in packages.items() for module in entry["imports"]}
        self._install = install
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
            self._install(archive)
            self._installed.add(archive)
            # Not `invalidate_caches()`: it would read the directory of the archive of the start again.
            for folder in [folder for folder in sys.path_importer_cache if folder.startswith(SITE)]:
                del sys.path_importer_cache[folder]


def install(archives, packages, fetch):
    """Put the finder behind all others."""
    importlib.import_module("zipfile")  # what unpacks must not itself be late
    sys.meta_path.append(LateFinder(archives, packages, fetch))
