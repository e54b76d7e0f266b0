package delivery

import (
	"crypto/sha256"
	"html"
	"strings"
	"unicode/utf8"
)

// digest stands for a text in the one form. It saves memory: a baseline is kept for the whole run.
type digest [sha256.Size]byte

// beginningLength is how many letters and digits at the beginning of a text stand for the text, where its form is in
// doubt. Two texts that share them are look-alikes: a list that strips or cuts may show them as the same text.
const beginningLength = 100

// ownText is a text of ours as it is sent, in the forms that are compared.
type ownText struct {
	sent                string // with the key in front
	form, joined, lines string // the one form: as it is, without line breaks, and with them
	digest              digest
	letters, beginning  string   // letters and digits, and the first 100 of them
	key, bracketed      string   // its key, and as the text begins with it; empty: it has none
	words               []string // of the key
	keyLetters          int      // bytes of the key in letters
	content, opening    string   // the letters behind those of the key, and the first 20 of them
	isLong              bool     // the content has enough of them to tell it from a mention of the key
}

func newOwnText(key, content string) *ownText {
	sent := Keyed(key, content)
	own := &ownText{sent: sent, form: oneForm(sent), joined: oneForm(withoutLineBreaks(sent)), lines: withLines(sent)}
	own.digest, own.letters = sha256.Sum256([]byte(own.form)), lettersOf(own.form)
	own.beginning = firstRunes(own.letters, beginningLength)
	if key != "" {
		own.key, own.bracketed, own.words, own.keyLetters = key, "["+key+"]", wordsOf(key), len(lettersOf(key))
	}
	own.content = own.letters[own.keyLetters:]
	own.opening = firstRunes(own.content, openingLength)
	own.isLong = utf8.RuneCountInString(own.opening) >= minContent
	return own
}

// shownText is the text of a message on the ticket, in the forms that are compared.
type shownText struct {
	length             int    // characters as shown
	form               string // the one form
	unwrapped          string // the one form with line breaks, without the wrappers of rich text; empty: it has none
	digest             digest
	letters, beginning string // as ownText has them
	leads              []lead
}

// maxShown is how many bytes of a shown text are compared: far more than 10,000 characters take, however escaped.
const maxShown = 256 << 10

func newShownText(shown string) *shownText {
	shown = shown[:min(len(shown), maxShown)]
	s := &shownText{length: utf8.RuneCountInString(strings.TrimSpace(shown)), form: oneForm(shown), unwrapped: unwrap(shown)}
	s.digest, s.letters = sha256.Sum256([]byte(s.form)), lettersOf(s.form)
	s.beginning, s.leads = firstRunes(s.letters, beginningLength), leadsOf(s.form)
	return s
}

// match is how a text on the ticket shows a text of ours.
type match int

const (
	differs match = iota
	whole
	cut // only the beginning is shown, so only the beginning could be compared
)

// minCut is the length, in characters as shown, from which a text may be cut.
const minCut = 250

// shows compares a text on the ticket with ours. longest is the length of the longest text on the ticket.
func (s *shownText) shows(own *ownText, longest int) match {
	rest, begins := cutPrefix(own.lines, s.unwrapped)
	switch {
	case s.form == own.form, s.form == own.joined, s.unwrapped != "" && begins && rest == "":
		return whole
	case s.length >= minCut && s.length >= longest && (isCut(s.form, own.lines) || isCut(s.unwrapped, own.lines)):
		return cut
	}
	return differs
}

// cutPrefix returns ours without the prefix shown. A space of shown may be a line break of ours. A line break of shown
// comes from a wrapper, so it must be one of ours.
func cutPrefix(ours, shown string) (rest string, ok bool) {
	if len(shown) > len(ours) {
		return "", false
	}
	for i := range len(shown) {
		if shown[i] != ours[i] && (shown[i] != ' ' || ours[i] != '\n') {
			return "", false
		}
	}
	return ours[len(shown):], true
}

// isCut reports whether shown is ours without its end. It must end where no text ends, at neither a sentence nor a
// line, unless an ellipsis shows the cut.
func isCut(shown, ours string) bool {
	shown = strings.TrimRight(shown, "\uFFFD")            // of a character that was cut through
	if at := strings.LastIndexByte(shown, '&'); at >= 0 { // a character reference that was cut through
		if rest, ok := cutPrefix(ours, shown[:at]); ok && rest != "" && strings.HasPrefix(html.EscapeString(rest[:1]), shown[at:]) {
			shown = shown[:at]
		}
	}
	if utf8.RuneCountInString(shown) < minCut/2 { // almost nothing was shown
		return false
	}
	if rest, ok := cutPrefix(ours, shown); ok {
		end, _ := utf8.DecodeLastRuneInString(strings.TrimRight(shown, "\"')]}>*_`"))
		return rest != "" && rest[0] != '\n' && !strings.ContainsRune(".!?:;。！？", end)
	}
	rest, ok := cutPrefix(ours, strings.TrimRight(strings.TrimSuffix(shown, "..."), " \n"))
	return ok && rest != ""
}

// Shows reports whether a message that the ticket shows with this text is the one with this key and content, as far as
// can be told: the same text in the one form, with or without the wrappers of rich text, or its beginning.
func Shows(shown, key, content string) bool {
	return newShownText(shown).shows(newOwnText(key, content), 0) != differs
}

// SameText reports whether two texts of ours are one text to whoever reads the ticket.
func SameText(a, b string) bool { return oneForm(a) == oneForm(b) }
