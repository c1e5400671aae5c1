package main

import (
	"debug/elf"
	"testing"
)

// TestDataIsNotLetGoOf: the data of the program begins at 0x76d6c50, on the page on which the constants end. Its first
// page cannot be written to once the program is linked, but was before.
func TestDataIsNotLetGoOf(t *testing.T) {
	t.Parallel()
	segment := func(kind elf.ProgType, flags elf.ProgFlag, offset, size uint64) *elf.Prog {
		return &elf.Prog{ProgHeader: elf.ProgHeader{Type: kind, Flags: flags, Off: offset, Filesz: size}}
	}
	constant := constantIn([]*elf.Prog{
		segment(elf.PT_LOAD, elf.PF_R, 0, 0x697f50),
		segment(elf.PT_LOAD, elf.PF_R|elf.PF_X, 0x698000, 0x4223695),
		segment(elf.PT_LOAD, elf.PF_R, 0x48bc000, 0x2e1aa76),
		segment(elf.PT_LOAD, elf.PF_R|elf.PF_W, 0x76d6c50, 0x228b11),
		segment(elf.PT_GNU_RELRO, elf.PF_R, 0x76d6c50, 0x7e3b0),
	}, 0x1000)
	for offset, want := range map[uint64]bool{
		0: true, 0x698000: true, 0x48bc000: true, 0x5000000: true, 0x76d5000: true,
		0x76d6000: false, 0x76d7000: false, 0x7755000: false, 0x9000000: false,
	} {
		if constant(offset) != want {
			t.Errorf("what is mapped from %#x on is constant: %t", offset, !want)
		}
	}
}
