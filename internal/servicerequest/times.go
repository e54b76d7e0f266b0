package servicerequest

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// zoned and zoneless are the forms of a time that Huawei's SDK reads.
var (
	zoned = []string{
		time.RFC3339Nano, // with or without a fraction
		"2006-01-02T15:04:05.999999999Z0700",
		"2006-01-02 15:04:05.999999999Z07:00",
		"2006-01-02 15:04:05.999999999 Z07:00",
		"2006-01-02 15:04:05.999999999 -0700",
	}
	zoneless = []string{
		"2006-01-02T15:04:05.999999999",
		"2006-01-02 15:04:05.999999999",
		"2006/01/02 15:04:05.999999999",
	}
)

// parseTime reads a time of a ticket. It returns zero for a time that it cannot
// read. It accepts RFC 3339 and similar forms, and seconds or milliseconds since
// 1970. A time without a zone is read in the zone of X-Time-Zone. No page says
// which zone is meant, so times are for people to read: a submit does not depend
// on them.
func (c *Client) parseTime(s string) time.Time {
	t := parseTime(strings.TrimSpace(s), c.zone)
	// A duration cannot span other years, and the zero time means "none".
	if t.Year() < 1970 || t.Year() >= 2200 {
		return time.Time{}
	}
	return t
}

func parseTime(s string, zone *time.Location) time.Time {
	if n, err := strconv.ParseUint(s, 10, 63); err == nil {
		// With another number of digits it may as well be a date.
		switch len(s) {
		case len("1700000000"):
			return time.Unix(int64(n), 0)
		case len("1700000000000"):
			return time.UnixMilli(int64(n))
		}
	}
	for _, layout := range zoned {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	if zone == nil {
		return time.Time{}
	}
	for _, layout := range zoneless {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			return t
		}
	}
	return time.Time{}
}

// zone reads a time zone as X-Time-Zone has it: "GMT+8", "UTC-03:30" or a name
// of the IANA database. Empty is the service's default, GMT+8. It returns nil
// for a text that it does not know.
func zone(s string) *time.Location {
	s = cmp.Or(s, "GMT+8")
	gmt := regexp.MustCompile(`^(?i:GMT|UTC)(?:([+-])(\d{1,2}):?([0-5]\d)?)?$`)
	if m := gmt.FindStringSubmatch(s); m != nil {
		hours, _ := strconv.Atoi(m[2]) // no digits are 0
		minutes, _ := strconv.Atoi(m[3])
		if hours > 14 {
			return nil
		}
		offset := (hours*60 + minutes) * 60
		if m[1] == "-" {
			offset = -offset
		}
		return time.FixedZone(s, offset)
	}
	location, err := time.LoadLocation(s)
	if err != nil {
		return nil
	}
	return location
}
