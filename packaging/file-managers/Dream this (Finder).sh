# Finder: in Automator make a Quick Action that receives image files in Finder, add "Run Shell Script" with input "as
# arguments", and put this in. A Quick Action does not know your PATH: name the folder that `which phosphene` tells.
export PATH="$HOME/.local/bin:/opt/homebrew/bin:/usr/local/bin:$PATH"
phosphene --warm --quiet "$@" && osascript -e 'display notification "Done: beside your pictures." with title "Phosphene"'
