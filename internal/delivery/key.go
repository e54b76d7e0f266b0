package delivery

import (
	"cmp"
	"errors"
	"fmt"
	"path"
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
	wholeKey  = lazily(`^[A-Za-z0-9]+(?:[ .-][A-Za-z0-9]+)*$`)
	noKeyRune = lazily(`[^A-Za-z0-9]+`)
)

// CheckKey reports what is wrong with an idempotency key. It must have 4 to 62 characters: ASCII letters and digits,
// joined by single spaces, dots or hyphens. No renderer or filter is known to change these. The error's text continues
// a sentence that begins with the key's name, and says what to write instead.
func CheckKey(key string) error {
	n := utf8.RuneCountInString(key)
	if n >= MinKey && n <= MaxKey && wholeKey().MatchString(key) {
		return nil
	}
	text := fmt.Sprintf("must have %d to %d characters: ASCII letters and digits, joined by single spaces, dots or hyphens", MinKey, MaxKey)
	if n < MinKey || n > MaxKey {
		return fmt.Errorf("%s; it has %d characters", text, n)
	}
	instead := noKeyRune().ReplaceAllStringFunc(key, func(run string) string {
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
	// openingLength is how many letters and digits of the content, behind those of the key, stand for the message.
	openingLength = 20
	// minContent is how many letters and digits the content must have for a text that contains the message to be in
	// doubt. Less would be found in messages that mention the key.
	minContent = 8
	// minOtherKey is the length, with brackets, from which what a text begins with is another key, and not a word such
	// as [API].
	minOtherKey = 6
)

// lead is what stands in square brackets in a text: a key, one that is changed, or a short word.
type lead struct {
	first   bool     // only markup and punctuation stand between it and the lead before it, or the beginning
	words   []string // if it is a valid key
	rest    string   // the letters and digits behind it
	behind  string   // the beginning of what is behind it
	pattern string   // if it is no key, with * for what a key cannot contain, as [path.Match] has it
	named   bool     // with a pattern: a part of a key is left
	strong  bool     // with a pattern: a part of a key is left, or there is a mask and not just a symbol
}

// changed are the parts of what stands in brackets that no valid key has: masks, placeholders, symbols, other scripts.
var changed = lazily(`^(?i:redacted|masked|hidden|removed)$|REDACTED|MASKED|HIDDEN|REMOVED|<+[^<>]*>+|\{+[^{}]*\}+|\[[^\[\]]*\]|\([^()]*\)|(?i:x{3,})|[^A-Za-z0-9 .-]+|[ .-]{2,}|^[ .-]+|[ .-]+$`)

// masked is what a service may put in the place of a part of the content.
var masked = lazily(`[*•●█▇■#＊]{2,}|(?i:x{3,}|[\[(<{]*\b(?:redacted|masked|hidden|removed)\b[\])>}]*)|\[[A-Z_]{4,}\]|\{\{\w+\}\}`)

var brackets = lazily(`\[((?:[^\[\]]|\[[^\[\]]*\])*)\]`)

const (
	// maxLeads is how many leads of a text are looked at: a service may put some before our key.
	maxLeads = 5
	// maxBefore is within how many characters each of them must end, from the one before it.
	maxBefore = 500
)

// leadsOf returns what stands in brackets in a text.
func leadsOf(form string) []lead {
	var leads []lead
	if strings.Contains(form, "<") {
		form = stripTags(lineWrapper().ReplaceAllString(form, " "))
	}
	form = strings.ReplaceAll(form, `\`, "")
	for len(leads) < maxLeads {
		at := brackets().FindStringSubmatchIndex(firstRunes(form, maxBefore))
		if at == nil {
			break
		}
		before, inside, behind := form[:at[0]], form[at[2]:at[3]], form[at[1]:]
		l := lead{first: !strings.ContainsFunc(before, isLetterOrDigit), rest: lettersOf(behind), behind: firstRunes(behind, 4*openingLength)}
		switch {
		case !wholeKey().MatchString(inside) || changed().MatchString(inside):
			l.pattern = cmp.Or(strings.ToLower(changed().ReplaceAllString(inside, "*")), "*")
			l.named = l.pattern[0] != '*' || strings.ContainsFunc(l.pattern, unicode.IsLetter)
			l.strong = l.named || masked().MatchString(inside)
		case len(inside)+len("[]") >= minOtherKey:
			l.words = wordsOf(inside)
		}
		leads, form = append(leads, l), behind
	}
	return leads
}

// hasKey reports whether a text on the ticket begins with the key of ours.
func (s *shownText) hasKey(own *ownText) bool {
	return strings.HasPrefix(s.form, own.bracketed) || strings.HasPrefix(s.unwrapped, own.bracketed)
}

// hasOtherKey reports whether a text on the ticket begins with a valid key of other words than ours.
func (s *shownText) hasOtherKey(own *ownText) bool {
	return len(s.leads) > 0 && s.leads[0].first && s.leads[0].words != nil && !slices.Equal(s.leads[0].words, own.words)
}

// mayBe reports whether a text that does not begin with the key may be ours, its key changed by the service. A text that
// begins with another key is another message, unless ours stands behind it.
func (s *shownText) mayBe(own *ownText) bool {
	if slices.ContainsFunc(s.leads, func(l lead) bool { return l.mayBe(own) }) {
		return true
	}
	shown := s.letters
	for _, l := range s.leads {
		if !l.first || l.words == nil || slices.Equal(l.words, own.words) {
			break
		}
		shown = l.rest
	}
	switch {
	case strings.Contains(s.form, own.form), shown == own.letters,
		own.isLong && strings.Contains(shown, own.letters[:own.keyLetters+len(own.opening)]),
		strings.HasPrefix(own.letters, shown) && utf8.RuneCountInString(shown) >= minBeginning:
		return true
	}
	if _, ok := editAt(own.form, s.form); ok && !s.hasOtherKey(own) {
		return true
	}
	// Without brackets, a text that differs in its key is about another one: step 2 is not step 1.
	at, ok := editAt(own.beginning, shown)
	isOpen := strings.ContainsRune(firstRunes(s.form, 3), '[') && (len(s.leads) == 0 || !s.leads[0].first || slices.Equal(s.leads[0].words, own.words))
	return ok && (isOpen || at > own.keyLetters && own.isLong)
}

// mayBe reports whether a lead may be the key of ours, with our content behind it. A key of the same words, such as
// [DEPLOY-4711], is ours in another form.
func (l lead) mayBe(own *ownText) bool {
	isSame := slices.Equal(l.words, own.words)
	isChanged, _ := path.Match(l.pattern, strings.ToLower(own.key))
	switch {
	case l.rest == own.letters: // our key has lost its brackets, and these are others
		return true
	case !isSame && !isChanged:
		return false
	}
	parts := masked().Split(l.behind, 2)
	shown := firstRunes(lettersOf(parts[0]), openingLength)
	switch {
	case (isSame || l.strong) && mayBegin(shown, own.content),
		isChanged && own.isLong && strings.HasPrefix(l.rest, own.opening),
		l.strong && l.rest == "" && !strings.ContainsFunc(own.content, unicode.IsLetter),
		l.named && shown == "" && len(parts) > 1: // the content begins with a mask
		return true
	}
	return false
}

// mayBegin reports whether shown may be the beginning of a content, or the content and more. Digits may be missing: a
// service may mask them one by one.
func mayBegin(shown, content string) bool {
	same := 0
	for _, r := range content {
		next, size := utf8.DecodeRuneInString(shown)
		switch {
		case size == 0:
			return same > 0
		case next == r:
			shown, same = shown[size:], same+1
		case !unicode.IsDigit(r):
			return false
		}
	}
	return same > 0
}

// editAt reports whether shown begins with ours, with one character replaced, dropped or added, and where.
func editAt(ours, shown string) (at int, ok bool) {
	for i, r := range ours {
		if other, _ := utf8.DecodeRuneInString(shown[min(i, len(shown)):]); other != r {
			break
		}
		at = i + utf8.RuneLen(r)
	}
	ours, shown = ours[at:], shown[at:]
	_, inOurs := utf8.DecodeRuneInString(ours)
	_, inShown := utf8.DecodeRuneInString(shown)
	return at, strings.HasPrefix(shown[inShown:], ours[inOurs:]) || strings.HasPrefix(shown, ours[inOurs:]) || strings.HasPrefix(shown[inShown:], ours)
}
