"""One page a file: TITLE, ORDER (where it stands in the list), SECTION (under which heading) and `page(source)`; its name is its address."""
