"""The MicroPython `bluetooth` module's other end: a pendant's radio in the air daemon, driven by JSON lines.

A board process (the real firmware on the unix port, with a shim `bluetooth.py`) connects to the stream socket
`DIR/radio-NAME.sock` that the daemon opens when it is told to `add` the pendant radio NAME. One JSON object a
line, both ways. Bytes are lower-case hex. Handles are the *shim's own* (it allots them as it likes, > 0).
One process at a time: a new connection replaces the old one. When the socket closes (the process died, or deep
sleep) the radio leaves the air at once without a word: centrals run into their supervision timeout.

Board to daemon (`op`), in order, none is answered unless said so:
    {"op":"mac","t":0|1,"a":"c4..."}      own address in display order, 6 bytes; t 0 public, 1 random static. Optional,
                                          before anything else; without it the address given to `add` counts.
    {"op":"name","v":"pd-01"}             GAP device name (ble.config(gap_name=...)). Optional.
    {"op":"svc","s":[[UUID,[[UUID,FLAGS,H],...]],...]}   gatts_register_services; replaces what was registered.
                                          UUID = hex of the buffer that bytes(bluetooth.UUID) has (little-endian),
                                          FLAGS = bluetooth.FLAG_* as on the chip (2 read, 4 write without response,
                                          8 write, 16 notify, 32 indicate), H = value handle.
    {"op":"buf","h":H,"n":LEN,"append":0|1}   gatts_set_buffer; without it a central's write is cut at 20 bytes.
    {"op":"write","h":H,"v":HEX,"u":0|1}  gatts_write(h, v, send_update=u): what a central reads from now on.
    {"op":"adv","us":INTERVAL_US|null,"a":HEX|null,"r":HEX|null,"c":1|0}   gap_advertise; us null stops; a or r null
                                          keep the earlier payload; c = connectable. Legal while connected (the chip
                                          stops advertising on a connection: so does the daemon, restart it).
    {"op":"ntf","c":CONN,"h":H,"v":HEX}   gatts_notify (v always given: the shim knows its own database).
    {"op":"ind","c":CONN,"h":H,"v":HEX}   gatts_indicate; answered by event 20.
    {"op":"disc","c":CONN}                gap_disconnect; answered by event 2.
    {"op":"off"}                          active(False): advertising stops, connections are closed properly.
    {"op":"on"}                           active(True) again on the same socket (a fresh socket is on already).
    {"op":"ping","n":N}                   answered by {"e":-2,"d":[N]}: everything before it has been carried out.

Daemon to board (`e` = MicroPython's _IRQ_* number, `d` its tuple, `v` bytes that belong to it):
    {"e":0,"d":[T,"c4..."]}               first line after the connection: own address (type, hex) as given to `add`.
    {"e":1,"d":[CONN,T,"addr"]}           _IRQ_CENTRAL_CONNECT
    {"e":2,"d":[CONN,T,"addr"]}           _IRQ_CENTRAL_DISCONNECT
    {"e":3,"d":[CONN,H],"v":HEX}          _IRQ_GATTS_WRITE; v = what gatts_read(H) gives now (already cut or appended).
    {"e":20,"d":[CONN,H,STATUS]}          _IRQ_GATTS_INDICATE_DONE; STATUS 0 confirmed, else failed or 13 timed out.
    {"e":21,"d":[CONN,MTU]}               _IRQ_MTU_EXCHANGED
    {"e":-1,"d":["sentence"]}             the daemon refused the last line (unknown handle, bad hex ...); nothing changed.
    {"e":-2,"d":[N]}                      answer to ping.

From the unix port: s = socket.socket(socket.AF_UNIX); s.connect(b"\\x01\\x00" + path.encode() + b"\\x00") (the port takes a
raw sockaddr_un). The path is limited to 107 bytes.
"""
