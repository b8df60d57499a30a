"""The numbers and names of the pendant link, version 1."""

VERSION = 1

# GATT: one service of ours. The hub writes frames to FRAME_IN, the pendant indicates frames on FRAME_OUT.
SERVICE_UUID = "a0ba0001-5a0c-4e7b-9c1d-2f6a7be3d101"
FRAME_IN_UUID = "a0ba0002-5a0c-4e7b-9c1d-2f6a7be3d101"
FRAME_OUT_UUID = "a0ba0003-5a0c-4e7b-9c1d-2f6a7be3d101"
INFO_UUID = "a0ba0004-5a0c-4e7b-9c1d-2f6a7be3d101"
MAX_FRAME = 128  # bytes of one frame: a pendant sets its buffer, a hub its MTU (131 or more) by it

# BTHome v2 (bthome.io/format): service data of UUID 0xFCD2.
BTHOME_UUID = "0000fcd2-0000-1000-8000-00805f9b34fb"

# BTHome's button bytes carry what a press means; a byte that is none of these is an SOS.
MEANING_NONE = 0  # a heartbeat: nobody pressed
MEANING_ASSIST = 1  # "press"
MEANING_CALL_BACK = 2  # "double": assistance, and please call me back
MEANING_FALL = 3  # "triple"
MEANING_SOS = 4  # "long"
MEANING_FALL_WALKS = 6  # "long triple", in adverts only: a fall, and its wearer has walked since

# How far the help for a press has come, as the pendant shows it. It only ever rises.
STAGE_NONE = 0
STAGE_HEARD = 1  # the hub has it on its disk
STAGE_DELIVERED = 2  # the platform has it
STAGE_TAKEN = 3  # a person has it
STAGE_ARRIVED = 4
STAGE_CLOSED = 5
STAGE_CANCELLED = 6

# Bits of the faults in a STATUS.
FAULT_FLASH = 1
FAULT_BATTERY_LOW = 2
FAULT_KEY_STUCK = 4
FAULT_COUNTERS_LOST = 8
FAULT_WATCHDOG = 16  # the last start followed a watchdog reset
FAULT_NEVER_HEARD = 32  # some press has waited 20 s without a hub
FAULT_ACCELEROMETER = 64
