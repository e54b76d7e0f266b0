package delivery

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of an idempotency key, in characters.
const (
	MinKey = 4
	MaxKey = 62
)

var (
	wholeKey   = regexp.MustCompile(`^[A-Za-z0-9]+(?:[ .-][A-Za-z0-9]+)*$`)
	leadingKey = regexp.MustCompile(`^\[([A-Za-z0-9]+(?:[ .-][A-Za-z0-9]+)*)\]`)
	noKeyRune  = regexp.MustCompile(`[^A-Za-z0-9]+`)
)

// CheckKey reports what is wrong with an idempotency key. It must have 4 to 62 characters: ASCII letters and digits,
// joined by single spaces, dots or hyphens. No renderer or filter is known to change these. The error's text continues
// a sentence that begins with the key's name, and says what to write instead.
func CheckKey(key string) error {
	n := utf8.RuneCountInString(key)
	if n >= MinKey && n <= MaxKey && wholeKey.MatchString(key) {
		return nil
	}
	text := fmt.Sprintf("must have %d to %d characters: ASCII letters and digits, joined by single spaces, dots or hyphens", MinKey, MaxKey)
	if n < MinKey || n > MaxKey {
		return fmt.Errorf("%s; it has %d characters", text, n)
	}
	instead := noKeyRune.ReplaceAllStringFunc(key, func(run string) string {
		switch {
		case run == "." || run == "-":
			return run
		case strings.Contains(run, " "):
			return " "
		}
		return "-"
	})
	if instead = strings.Trim(instead, " .-"); len(instead) >= MinKey {
		text += fmt.Sprintf("; write %q instead", instead)
	}
	if strings.HasPrefix(key, "[") {
		text += "; the provider adds the square brackets"
	}
	return errors.New(text)
}

// Keyed returns a text as it is sent: with the key, if any, in square brackets in front of it.
func Keyed(key, content string) string {
	if key == "" {
		return content
	}
	return "[" + key + "] " + content
}

// wordsOf are the words of a key, in lower case.
func wordsOf(key string) []string {
	return strings.FieldsFunc(strings.ToLower(key), func(r rune) bool { return strings.ContainsRune(" .-", r) })
}

const (
	// minBeginning is how many letters and digits a shown text must have to be the beginning of ours.
	minBeginning = 30
	// minEdited is how many letters and digits ours must have for a text with one of them changed to be in doubt.
	minEdited = 6
	// minOtherKey is the length, with brackets, from which what a text begins with is another key, and not a word such
	// as [API].
	minOtherKey = 6
)

// hasKey reports whether a text on the ticket begins with the key of ours.
func (s *shownText) hasKey(own *ownText) bool {
	return strings.HasPrefix(s.form, own.bracketed) || strings.HasPrefix(s.unwrapped, own.bracketed)
}

// hasOtherKey reports whether a text on the ticket begins with a key of other words than ours.
func (s *shownText) hasOtherKey(own *ownText) bool {
	return s.key != nil && !slices.Equal(s.key, own.key)
}

// mayBe reports whether a text that does not begin with the key may be ours, its key changed by the service.
func (s *shownText) mayBe(own *ownText) bool {
	if s.masked != nil && s.masked.MatchString(own.bracketed) {
		return true
	}
	shown := s.letters
	if s.hasOtherKey(own) { // another message, unless ours stands behind what seems to be its key
		shown = shown[s.keyLetters:]
	}
	return strings.Contains(shown, own.beginning) || isOneEdit(own.beginning, shown) ||
		strings.HasPrefix(own.letters, shown) && utf8.RuneCountInString(shown) >= minBeginning
}

// isOneEdit reports whether shown begins with ours, with one character replaced, dropped or added.
func isOneEdit(ours, shown string) bool {
	if len(ours) < minEdited {
		return false
	}
	n := 0 // bytes that both begin with
	for i, r := range ours {
		if other, _ := utf8.DecodeRuneInString(shown[min(i, len(shown)):]); other != r {
			break
		}
		n = i + utf8.RuneLen(r)
	}
	ours, shown = ours[n:], shown[n:]
	_, inOurs := utf8.DecodeRuneInString(ours)
	_, inShown := utf8.DecodeRuneInString(shown)
	return strings.HasPrefix(shown[inShown:], ours[inOurs:]) || strings.HasPrefix(shown, ours[inOurs:]) || strings.HasPrefix(shown[inShown:], ours)
}

var mask = regexp.MustCompile(`(?i)\[(?:redacted|masked|hidden|removed)\]|redacted|masked|hidden|removed|x{3,}|\.{3}|[^\pL\pN\s.\[\]-]{2,}`)

// maskedKey returns what the masked key at the beginning of a text may have been: a pattern with anything in the place
// of the mask. Nil: the text does not begin with a masked key.
func maskedKey(form string) *regexp.Regexp {
	form = strings.TrimLeftFunc(form, func(r rune) bool { return r != '[' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if !strings.HasPrefix(form, "[") {
		return nil
	}
	masked := "[" + mask.ReplaceAllLiteralString(firstRunes(form[1:], 2*MaxKey), "\x00")
	end := strings.IndexByte(masked, ']')
	if end < 0 || !strings.Contains(masked[:end], "\x00") {
		return nil
	}
	pattern, err := regexp.Compile(`(?i)^` + strings.ReplaceAll(regexp.QuoteMeta(masked[:end+1]), "\x00", ".*") + `$`)
	if err != nil {
		return nil
	}
	return pattern
}
