# MicroPython's `bluetooth` module for the unix port: the same calls and interrupts, with the radio in the
# air daemon. Protocol: the docstring of sim/air/bridge.py.
import asyncio
import binascii
import json
import socket

import powered

FLAG_READ = 2
FLAG_WRITE_NO_RESPONSE = 4
FLAG_WRITE = 8
FLAG_NOTIFY = 16
FLAG_INDICATE = 32

_MTU_DEFAULT = 23


def _hex(value):
    return binascii.hexlify(value).decode()


class UUID:
    def __init__(self, value):
        if isinstance(value, int):
            self._b = value.to_bytes(2, "little")
        elif isinstance(value, str):
            self._b = bytes(reversed(binascii.unhexlify(value.replace("-", ""))))
        else:
            self._b = bytes(value)

    def __iter__(self):
        return iter(self._b)

    def __len__(self):
        return len(self._b)

    def __eq__(self, other):
        return bytes(other) == self._b

    def __hash__(self):
        return hash(self._b)


class BLE:
    _only = None

    def __new__(cls):
        if cls._only is None:
            self = cls._only = object.__new__(cls)
            self._on = False
            self._dead = False
            self._socket = None
            self._handler = None
            self._values = {}
            self._mtu = {}
            self._conns = {}
            self._next_handle = 10
        return cls._only

    def die(self):
        # A light sleep stopped its clock: nothing goes out or comes in any more, and nobody is told.
        if self._on:
            self._send(op="off")
            powered.emit("radio-died", 0)
            self._dead = True

    def active(self, on=None):
        if on is None:
            return self._on
        self._dead = self._dead and on
        if on and not self._on:
            if self._socket is None:
                self._connect()
            else:
                self._send(op="on")
            self._on = True
        elif not on and self._on:
            self._send(op="off")
            self._on = False
            self._conns = {}
        return self._on

    def _connect(self):
        path = powered.param("air")
        self._socket = s = socket.socket(socket.AF_UNIX)
        s.connect(b"\x01\x00" + path.encode() + b"\x00")
        first = json.loads(s.readline())
        kind, address = first["d"]
        self._address = (kind, binascii.unhexlify(address))
        s.setblocking(False)
        self._task = asyncio.create_task(self._pump())

    def irq(self, handler):
        self._handler = handler

    def config(self, *args, **kwargs):
        if args == ("mac",):
            return self._address
        if args:
            raise ValueError("unknown config param")
        if "gap_name" in kwargs:
            self._send(op="name", v=str(kwargs["gap_name"]))

    def _send(self, **message):
        if self._dead:
            return
        data = (json.dumps(message) + "\n").encode()
        s = self._socket
        s.setblocking(True)
        try:
            s.write(data)
        except OSError:
            raise OSError(19) from None  # ENODEV: the controller is gone
        finally:
            s.setblocking(False)

    def _check(self):
        if not self._on:
            raise OSError(19)

    async def _pump(self):
        reader = asyncio.StreamReader(self._socket)
        while True:
            line = await reader.readline()
            if not line:
                self._on = False
                return
            self._event(json.loads(line))

    def _event(self, message):
        event = message["e"]
        data = message["d"]
        if event < 0:
            if event == -1:
                powered.emit("air-refused", data[0])
            return
        if event == 1 or event == 2:
            data = (data[0], data[1], memoryview(binascii.unhexlify(data[2])))
            if event == 1:
                self._mtu[data[0]] = _MTU_DEFAULT
                self._conns[data[0]] = True
            else:
                self._conns.pop(data[0], None)
        elif event == 3:
            self._values[data[1]] = binascii.unhexlify(message["v"])
        elif event == 21:
            self._mtu[data[0]] = data[1]
        if self._handler:
            self._handler(event, tuple(data))

    def gatts_register_services(self, services):
        self._check()
        out = []
        handles = []
        for uuid, characteristics in services:
            own = []
            listed = []
            for characteristic in characteristics:
                handle = self._next_handle
                self._next_handle += 3
                self._values[handle] = b""
                own.append(handle)
                listed.append([_hex(bytes(characteristic[0])), characteristic[1], handle])
            handles.append(tuple(own))
            out.append([_hex(bytes(uuid)), listed])
        self._send(op="svc", s=out)
        return tuple(handles)

    def gatts_set_buffer(self, handle, length, append=False):
        self._send(op="buf", h=handle, n=length, append=1 if append else 0)

    def gatts_read(self, handle):
        return self._values[handle]

    def gatts_write(self, handle, data, send_update=False):
        self._values[handle] = bytes(data)
        self._send(op="write", h=handle, v=_hex(data), u=1 if send_update else 0)

    def gatts_notify(self, conn, handle, data=None):
        self._out("ntf", conn, handle, data)

    def gatts_indicate(self, conn, handle, data=None):
        self._out("ind", conn, handle, data)

    def _out(self, op, conn, handle, data):
        self._check()
        if conn not in self._conns:
            raise OSError(128)  # ENOTCONN
        value = self._values[handle] if data is None else data
        value = bytes(value)[: self._mtu.get(conn, _MTU_DEFAULT) - 3]  # as the stack cuts it
        self._send(op=op, c=conn, h=handle, v=_hex(value))

    def gap_advertise(self, interval_us, adv_data=None, *, resp_data=None, connectable=True):
        self._check()
        self._send(
            op="adv",
            us=interval_us or None,
            a=None if adv_data is None else _hex(adv_data),
            r=None if resp_data is None else _hex(resp_data),
            c=1 if connectable else 0,
        )

    def gap_disconnect(self, conn):
        self._check()
        if conn not in self._conns:
            return False
        self._send(op="disc", c=conn)
        return True
