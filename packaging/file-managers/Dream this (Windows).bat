@echo off
rem Explorer: press Win+R, type shell:sendto, and put it there. It stands under "Send to" in the menu of selected pictures.
phosphene %*
if errorlevel 1 pause
