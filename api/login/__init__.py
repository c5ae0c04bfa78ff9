"""How people log in to the pages: plain pages beside Streamlit's, and the gate in front of those.

Streamlit cannot set a cookie, so a password is sent to a form of the server. Nothing here decides who
somebody is: agents/identity does. Installed only when `SWITCHBOARD_AUTH` names a way in.
"""
