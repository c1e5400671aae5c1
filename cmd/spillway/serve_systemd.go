package main

import (
	"context"
	"fmt"
	"os/user"
	"strconv"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// What a service manager is told.
const (
	stateReady     = sd.SdNotifyReady
	stateStopping  = sd.SdNotifyStopping
	stateReloading = sd.SdNotifyReloading
)

// tell tells the service manager, if there is one, how the daemon stands.
func (s *serving) tell(state, status string) {
	if state == stateReloading {
		state += "\nMONOTONIC_USEC=" + strconv.FormatInt(monotonic().Microseconds(), 10)
	}
	if _, err := sd.SdNotify(false, state+"\nSTATUS="+status); err != nil {
		s.app.log.Warn("service manager not told", "error", err.Error())
	}
}

// monotonic is the time of the clock by which systemd tells a reload from an earlier one.
func monotonic() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// watchdog tells the service manager that the daemon is alive as long as it can do its work: when its scheduler stands
// still, it is silent and the daemon is started anew.
func (s *serving) watchdog(ctx context.Context) error {
	limit, err := sd.SdWatchdogEnabled(false)
	if err != nil {
		return fmt.Errorf("WATCHDOG_USEC: %w", err)
	}
	if limit == 0 {
		return nil
	}
	tick := time.NewTicker(limit / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := s.daemon.Ready(ctx); err != nil {
				s.app.log.Error("not ready", "error", err.Error())
				continue
			}
			if _, err := sd.SdNotify(false, sd.SdNotifyWatchdog); err != nil {
				s.app.log.Warn("service manager not told", "error", err.Error())
			}
		}
	}
}

// processOwner is the user of this process, for the audit log.
func processOwner() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}
