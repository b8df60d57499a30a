"""The telephone by SIP: Debian's baresip as a process of its own, told what to do through ctrl_tcp."""
