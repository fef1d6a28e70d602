"""Write the repository's address, which lives in `_config.yml`, wherever else it has to stand.

    python tools/address.py [--check]

The version is that of `pyproject.toml`. What is written: the `set-up` cell of every notebook in `chapters/`, which on
Colab installs the project from its tag, and the links of `README.md`. `--check` changes nothing, and fails if a file
is not as it would be written.
"""

import json
import re
import sys
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import yaml

ROOT = Path(__file__).resolve().parent.parent


def repository(root=ROOT):
    """Return the repository's address and branch, from `_config.yml`."""
    settings = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))["repository"]
    return settings["url"].rstrip("/"), settings["branch"]


def tag(root=ROOT):
    """Return the tag of the version in `pyproject.toml`."""
    return "v" + tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def links(root=ROOT):
    """Return the README's link names and their targets."""
    url, branch = repository(root)
    path = urlsplit(url).path
    owner, name = path.strip("/").split("/")
    notebook = "chapters/autoencoder.ipynb"
    return {
        "repository": url,
        "issues": f"{url}/issues",
        "book": f"https://{owner}.github.io/{name}/",
        "binder": f"https://mybinder.org/v2/gh{path}/{branch}?urlpath=lab/tree/{notebook}",
        "colab": f"https://colab.research.google.com/github{path}/blob/{branch}/{notebook}",
    }


def set_up_cell(root=ROOT):
    """Return the cell that readies Colab, and does nothing elsewhere."""
    source = (
        "import sys\n"
        'if "google.colab" in sys.modules:\n'
        f'    get_ipython().run_line_magic("pip", "install -q git+{repository(root)[0]}@{tag(root)}")'
    )
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": "set-up",
        "metadata": {"tags": ["remove-cell"]},
        "outputs": [],
        "source": source.splitlines(keepends=True),
    }


def with_set_up(text, root=ROOT):
    """Return a notebook's text with the set-up cell before all its code; one without code stays as it is."""
    notebook = json.loads(text)
    cells = notebook["cells"]
    code = [index for index, cell in enumerate(cells) if cell["cell_type"] == "code"]
    wanted = set_up_cell(root)
    if not code or cells[code[0]] == wanted:
        return text
    if cells[code[0]].get("id") == wanted["id"]:
        cells[code[0]] = wanted
    else:
        cells.insert(code[0], wanted)
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def with_links(text, root=ROOT):
    """Return the README's text with its links, and the line that clones the repository, made anew."""
    for name, target in links(root).items():
        text = re.sub(rf"^\[{name}\]: .*$", f"[{name}]: {target}", text, flags=re.MULTILINE)
    return re.sub(r"^git clone \S+", f"git clone {repository(root)[0]}", text, flags=re.MULTILINE)


def outdated(root=ROOT):
    """Return each file that is not as it should be, with the text it should have."""
    wanted = {path: with_set_up for path in sorted((root / "chapters").glob("*.ipynb"))}
    wanted[root / "README.md"] = with_links
    texts = {path: (path.read_text(encoding="utf-8"), change) for path, change in wanted.items()}
    changed = {path: (text, change(text, root)) for path, (text, change) in texts.items()}
    return {path: new for path, (old, new) in changed.items() if new != old}


def main():
    changes = outdated()
    check = "--check" in sys.argv
    for path, text in changes.items():
        print(f"{path.relative_to(ROOT)} {'is out of date: run make address' if check else 'written'}")
        if not check:
            path.write_text(text, encoding="utf-8")
    return bool(check and changes)


if __name__ == "__main__":
    sys.exit(main())
