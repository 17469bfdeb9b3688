"""One page a file: TITLE, ORDER (where it stands in the list), SECTION (its heading) and `page(source)`; its name is its address."""
