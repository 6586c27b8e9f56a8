"""How dependencies are written: arrows, trees, prose, Mermaid, tables, waves, front matter."""
