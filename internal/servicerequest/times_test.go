package servicerequest

import (
	"testing"
	"time"
)

func TestParseTime(t *testing.T) {
	t.Parallel()
	want := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		text, zone string
		ok         bool
	}{
		{"2026-03-01T12:00:00Z", "", true},
		{"2026-03-01T20:00:00+08:00", "", true},
		{"2026-03-01T20:00:00+0800", "", true},
		{"2026-03-01 20:00:00+08:00", "", true},
		{"2026-03-01 20:00:00 +0800", "", true},
		{" 2026-03-01T12:00:00.000Z ", "", true},
		{"2026-03-01 20:00:00", "", true},
		{"2026-03-01 20:00:00", "GMT+8", true},
		{"2026-03-01T13:00:00.0", "Europe/Berlin", true},
		{"2026/03/01 08:30:00", "UTC-03:30", true},
		{"2026-03-01 12:00:00", "gmt", true},
		{"2026-03-01 12:00:00", "Nowhere/Land", false},
		{"2026-03-01", "", false},
		{"1772366400", "", true},
		{"1772366400000", "Nowhere/Land", true},
		{"20260301", "", false}, // a date, and no time since 1970
		{"20260301120000", "", false},
		{"1969-12-31T23:59:59Z", "", false},
		{"2200-01-01T00:00:00Z", "", false},
		{"0", "", false},
	} {
		c := newClient(t, "http://127.0.0.1:1", func(c *Config) { c.TimeZone = tc.zone })
		if got := c.parseTime(tc.text); got.IsZero() == tc.ok || tc.ok && !got.Equal(want) {
			t.Errorf("%q in %q: %v", tc.text, tc.zone, got)
		}
	}
	for _, bad := range []string{"GMT+15", "GMT+8:60", "GMT+80000", "GMT+x", "GMT8", "+8"} {
		if z := zone(bad); z != nil {
			t.Errorf("%s is %v", bad, z)
		}
	}
	if got := zone("").String(); got != "GMT+8" {
		t.Errorf("the default is %s, not the service's", got)
	}
}
