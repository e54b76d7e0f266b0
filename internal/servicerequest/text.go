package servicerequest

import (
	"html"
	"slices"
	"strings"
	"unicode"
)

// No page documents how the service shows a text. It may trim, escape or cut it, or
// strip its markup. This file has the forms in which texts are compared.

const (
	// maxEscapeLevels is how often a text may be escaped on top of itself.
	maxEscapeLevels = 16
	// lookAlikeLength is how many letters and digits two texts must share at the
	// beginning to be look-alikes.
	lookAlikeLength = 100
)

// unescape resolves character references until none is left.
func unescape(s string) string {
	for range maxEscapeLevels {
		next := html.UnescapeString(s)
		if next == s {
			break
		}
		s = next
	}
	return s
}

// collapse replaces each run of white space and control characters with one
// space, and drops it at both ends.
func collapse(s string) string {
	afterBlank := true
	s = strings.Map(func(r rune) rune {
		if !unicode.IsSpace(r) && !unicode.IsControl(r) {
			afterBlank = false
			return r
		}
		if afterBlank {
			return -1
		}
		afterBlank = true
		return ' '
	}, s)
	return strings.TrimSuffix(s, " ")
}

// normalize returns the form by which two texts count as the same: without
// character references, and with white space collapsed.
func normalize(s string) string { return collapse(unescape(s)) }

// stripMarkup removes everything between < and >, innermost first. An unmatched
// bracket stays.
func stripMarkup(s string) string {
	if !strings.Contains(s, "<") {
		return s
	}
	out := make([]byte, 0, len(s))
	var open []int // where in out the unmatched < are
	for i := range len(s) {
		switch {
		case s[i] == '>' && len(open) > 0:
			last := len(open) - 1
			out, open = out[:open[last]], open[:last]
			continue
		case s[i] == '<':
			open = append(open, len(out))
		}
		out = append(out, s[i])
	}
	return string(out)
}

// lettersAndDigits keeps only the letters and digits of a text.
func lettersAndDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, s)
}

// lookAlikePrefixes returns the beginnings by which look-alikes are found: with
// the markup's own letters, and without them. Two texts that share a prefix are
// look-alikes: a list that strips or cuts may show them as the same text.
func lookAlikePrefixes(normalized string) []string {
	return slices.Compact([]string{firstLetters(normalized), firstLetters(stripMarkup(normalized))})
}

func firstLetters(s string) string {
	count := 0
	for i, r := range s {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			if count++; count > lookAlikeLength {
				return lettersAndDigits(s[:i])
			}
		}
	}
	return lettersAndDigits(s)
}

// sharePrefix reports whether two texts with these prefixes are look-alikes.
func sharePrefix(a, b []string) bool {
	return slices.ContainsFunc(a, func(key string) bool { return slices.Contains(b, key) })
}
