package servicerequest

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Limits of an idempotency key, in characters.
const (
	MinIdempotencyKey = 6
	MaxIdempotencyKey = 64
	// MaxKeyPosition is where in the content the key must end. A service that
	// shows only the beginning of a text then still shows the key.
	MaxKeyPosition = 100
)

// minCutLength is the length, in characters, from which a text that is the
// beginning of another may be that text, cut.
const minCutLength = 100

var keyPattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[A-Za-z0-9_.:/#\[\]-]+(?: [A-Za-z0-9_.:/#\[\]-]+)*$`)
})

// CheckIdempotencyKey reports what is wrong with a key. The error's text continues
// a sentence that begins with the key's name.
func CheckIdempotencyKey(key string) error {
	switch n := utf8.RuneCountInString(key); {
	case n < MinIdempotencyKey || n > MaxIdempotencyKey:
		return fmt.Errorf("must have %d to %d characters, but has %d", MinIdempotencyKey, MaxIdempotencyKey, n)
	case !keyPattern().MatchString(key):
		return errors.New("must consist of ASCII letters, digits, - _ . : / # [ ] and single spaces between them")
	case lettersAndDigits(key) == "":
		return errors.New("must contain a letter or a digit")
	}
	return nil
}

// CheckKeyInContent reports why a search of the ticket might not find the key,
// given how the service may show the content. The error's text continues a
// sentence that begins with the key's name.
func CheckKeyInContent(key, content string) error {
	switch {
	case !strings.Contains(content, key):
		return errors.New("must be part of the content, in the same upper and lower case")
	case !containsToken(content, content, key):
		return errors.New("must not be part of a longer word or number in the content: put it in square brackets, or put a space on both sides of it")
	case !containsToken(firstRunes(content, MaxKeyPosition), content, key):
		return fmt.Errorf("must end within the first %d characters of the content", MaxKeyPosition)
	}
	for _, form := range searchForms(content) {
		if !containsToken(firstRunes(form, MaxKeyPosition), form, key) {
			return errors.New("must still stand alone in the content after the service removes markup and line breaks: put it in square brackets, " +
				"or put a space on both sides of it (a line break is not enough), but do not put it between < and >")
		}
	}
	for _, next := range []string{"(", "[", ":"} {
		if strings.HasSuffix(key, "]") && strings.Contains(content, key+next) {
			return errors.New("must not be followed by (, [ or : in the content, since Markdown would make it a link: put a space after it")
		}
	}
	return nil
}

func firstRunes(s string, n int) string {
	for i := range s {
		if n--; n < 0 {
			return s[:i]
		}
	}
	return s
}

// hasKey reports whether a text on the ticket has the key as a whole token, in
// whatever form the text is shown.
func hasKey(shown, key string) bool {
	return slices.ContainsFunc(searchForms(shown), func(form string) bool { return containsToken(form, form, key) })
}

var (
	withoutLineBreaks = strings.NewReplacer("\r", "", "\n", "")
	withoutEscapes    = strings.NewReplacer("\\", "") // of Markdown
)

// searchForms are the forms of a text in which a key is searched for: as shown,
// without line breaks, and both of these without markup or Markdown's escapes.
func searchForms(s string) []string {
	s = strings.Map(fold, unescape(s))
	var forms []string
	for _, form := range []string{s, withoutLineBreaks.Replace(s)} {
		plain := stripMarkup(form)
		for _, f := range []string{form, withoutEscapes.Replace(form), plain, withoutEscapes.Replace(plain)} {
			if f = collapse(f); !slices.Contains(forms, f) {
				forms = append(forms, f)
			}
		}
	}
	return forms
}

// fold undoes what typography and filters do to ASCII, and drops invisible
// characters. Full-width punctuation that would join words in ASCII stays as it
// is: in full width it separates them.
func fold(r rune) rune {
	switch {
	case r >= '！' && r <= '～': // the full-width forms of ASCII
		if ascii := r - '！' + '!'; !strings.ContainsRune(joiners, ascii) {
			return ascii
		}
	case r == '【':
		return '['
	case r == '】':
		return ']'
	case unicode.Is(unicode.Pd, r): // dashes
		return '-'
	case unicode.Is(unicode.Cf, r): // such as a zero-width space
		return -1
	}
	return r
}

// containsToken reports whether key is a whole token of text and ends within part,
// the beginning of text: deploy-81 is not in deploy-812, and 1.4.0 is neither in
// 11.4.0 nor in 1.4.0.1.
func containsToken(part, text, key string) bool {
	for from := 0; ; from++ {
		at := strings.Index(part[from:], key)
		if at < 0 {
			return false
		}
		from += at
		if endsToken(text[:from], key[0]) && beginsToken(text[from+len(key):], key[len(key)-1]) {
			return true
		}
	}
}

// joiners connect letters and digits to one token.
const joiners = "-_.:/#"

// endsToken reports whether a token may begin with first after this text. A
// bracket always begins one.
func endsToken(before string, first byte) bool {
	if first == '[' || first == ']' {
		return true
	}
	r, _ := utf8.DecodeLastRuneInString(strings.TrimRight(before, joiners))
	return !isTokenRune(r)
}

// beginsToken is endsToken for the text that follows a token.
func beginsToken(after string, last byte) bool {
	if last == '[' || last == ']' {
		return true
	}
	r, _ := utf8.DecodeRuneInString(strings.TrimLeft(after, joiners))
	return !isTokenRune(r)
}

// isTokenRune reports whether r would extend a token. Scripts that are written
// without spaces, from U+2E80 on, do not: a key may stand between such letters.
func isTokenRune(r rune) bool {
	return r < 0x2E80 && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// Shows reports whether a message that has our key is ours, as a service may
// show it: the same letters and digits, with or without markup; ours with
// something added; or the beginning of ours.
func Shows(shown, ours string) bool {
	return matchForms(shown, ours, strings.Contains) || showsBeginning(shown, ours)
}

// ShowsSame reports whether a text on the ticket is ours, as a service may show
// it: the same letters and digits, with or without markup, or the beginning of
// ours, 100 characters or more.
func ShowsSame(shown, ours string) bool {
	same := func(shown, ours string) bool { return shown == ours }
	return matchForms(shown, ours, same) || showsBeginning(shown, ours)
}

// cutReference is a character reference whose end may be missing.
var cutReference = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`&[#\w]{0,40}$`) })

func showsBeginning(shown, ours string) bool {
	shown = cutReference().ReplaceAllString(strings.TrimRight(shown, ".… "), "")
	begins := func(shown, ours string) bool { return strings.HasPrefix(ours, shown) }
	return utf8.RuneCountInString(shown) >= minCutLength && matchForms(shown, ours, begins)
}

// matchForms reports whether the letters and digits of two texts match. If only
// one text has markup, its markup is ignored, since the service may add or strip
// markup. If both have markup it counts, since the texts may differ in it alone.
func matchForms(shown, ours string, match func(shown, ours string) bool) bool {
	shown, ours = unescape(shown), unescape(ours)
	plainShown, plainOurs := stripMarkup(shown), stripMarkup(ours)
	matches := func(shown, ours string) bool {
		shown, ours = lettersAndDigits(shown), lettersAndDigits(ours)
		return shown != "" && ours != "" && match(shown, ours)
	}
	return matches(shown, ours) ||
		shown == plainShown && matches(shown, plainOurs) ||
		ours == plainOurs && matches(plainShown, ours)
}
