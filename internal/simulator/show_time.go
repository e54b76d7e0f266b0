package simulator

import (
	"regexp"
	"strconv"
	"time"
)

// showTime returns the wire form of a time. It has whole seconds, like the Date
// header, so that the two can be compared. time-offset and coarse-times change the
// time. Of the conditions that change its form, unreadable-times takes precedence,
// then zoneless-times.
func (ex *exchange) showTime(t time.Time) string {
	t = t.Add(ex.struck[kindTimeOffset].Skew)
	if _, ok := ex.struck[kindCoarse]; ok {
		t = t.Truncate(time.Minute)
	}
	if _, ok := ex.struck[kindNoTimes]; ok {
		return "just now"
	}
	if _, ok := ex.struck[kindZoneless]; ok {
		return t.In(zone(ex.r.Header.Get("X-Time-Zone"))).Format("2006-01-02 15:04:05")
	}
	clock, label := t.UTC().Format("2006-01-02T15:04:05"), "Z"
	if _, ok := ex.struck[kindMislabelled]; ok {
		label = "+08:00"
	}
	return clock + label
}

var gmt = regexp.MustCompile(`^(?:GMT|UTC)(?:([+-])(\d{1,2})(?::?(\d{2}))?)?$`)

// zone reads X-Time-Zone: GMT+8, GMT+05:30, or a name. It returns the default, GMT+8,
// for a text that it cannot read.
func zone(name string) *time.Location {
	if p := gmt.FindStringSubmatch(name); p != nil {
		h, _ := strconv.Atoi(p[2])
		m, _ := strconv.Atoi(p[3])
		seconds := h*3600 + m*60
		if p[1] == "-" {
			seconds = -seconds
		}
		return time.FixedZone(name, seconds)
	}
	if name != "" {
		if l, err := time.LoadLocation(name); err == nil {
			return l
		}
	}
	return time.FixedZone("GMT+8", 8*3600)
}
