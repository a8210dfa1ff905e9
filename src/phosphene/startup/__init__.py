"""What lets a command start sooner: how modules are loaded, and a process that has loaded everything already."""
