"""The pages' texts in other languages: one gettext catalogue each, and what goes into them besides the pages."""
