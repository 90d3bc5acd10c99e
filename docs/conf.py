"""How Sphinx builds the site from what .ci/build_site.py writes: nothing is fetched, neither now nor by a reader."""

project = "tensors-to-gpt2"
author = "tensors-to-gpt2 developers"
extensions = ["myst_parser"]
root_doc = "index"
source_suffix = {".md": "markdown"}
myst_heading_anchors = 4
myst_enable_extensions = ["dollarmath"]
myst_links_external_new_tab = False
suppress_warnings = ["myst.header", "toc.not_included"]
highlight_language = "none"
pygments_style = "default"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme = "pydata_sphinx_theme"
html_title = "tensors-to-gpt2"
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_sidebars = {page: [] for page in ("docs/architecture", "docs/glossary", "CONTRIBUTING", "CHANGELOG")}
html_theme_options = {
    "navbar_end": ["theme-switcher"],
    "navbar_persistent": ["search-button"],
    "secondary_sidebar_items": ["page-toc"],
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "footer_start": [],
    "footer_end": [],
    "show_prev_next": True,
}
