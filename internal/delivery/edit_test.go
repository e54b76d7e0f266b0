package delivery

import (
	"fmt"
	"html"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"
)

// editRounds is how many random texts each test of this file tries.
const editRounds = 6_000

var editWords = strings.Fields(`Release 1.4.0 is live! <b>bold</b> **done** a&b x<5 the team's "new" build café 文字 🚀 👍🏽 rm -rf ./build
https://e.com/a?b=1&c=2 [x] {y} 50% #7 @ops 12:30 — … \path eu-west-101`)

func randomText(r *rand.Rand) string {
	words := make([]string, 3+r.IntN(8))
	for i := range words {
		words[i] = editWords[r.IntN(len(editWords))]
	}
	return strings.Join(words, []string{" ", " ", " ", "\n"}[r.IntN(4)])
}

func randomKey(r *rand.Rand) string {
	return fmt.Sprintf([]string{"deploy %d", "run-%d", "v1.%d", "eu-west-101 build %d"}[r.IntN(4)], 10+r.IntN(100_000))
}

// edits change one character of a text, where others would change many.
var edits = []func(before string, r rune, after string) string{
	func(before string, _ rune, after string) string { return before + after },
	func(before string, _ rune, after string) string { return before + "q" + after },
	func(before string, _ rune, after string) string { return before + "7" + after },
	func(before string, _ rune, after string) string { return before + "é" + after },
	func(before string, _ rune, after string) string { return before + "*" + after },
	func(before string, _ rune, after string) string { return before + "•••" + after },
	func(before string, r rune, after string) string { return before + string(unicode.ToUpper(r)) + after },
	func(before string, r rune, after string) string {
		return before + html.EscapeString(string(r)) + after
	},
	func(before string, r rune, after string) string { return before + "<b>" + string(r) + "</b>" + after },
	func(before string, r rune, after string) string { return before + string(r) + "\u200b" + after },
	func(before string, r rune, after string) string { return before + "_" + string(r) + after },
}

func edit(s string, r *rand.Rand) string {
	runes := []rune(s)
	at := r.IntN(len(runes))
	return edits[r.IntN(len(edits))](string(runes[:at]), runes[at], string(runes[at+1:]))
}

// If a list shows one character of our text in another form, wherever it stands, a search finds the message or is in
// doubt. It never posts a second copy, unless the text begins with another valid key.
func TestChangedTextIsNeverPostedAgain(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	for range editRounds {
		key, content := randomKey(r), randomText(r)
		sent := Keyed(key, content)
		shown := edit(sent, r)
		if f := listOf(shown).search(newOwnText(key, content)); f.copies == 0 && f.conflict < 0 && !isAnotherKey(shown, sent) {
			t.Fatalf("%q shown as %q would be posted again", sent, shown)
		}
	}
}

// The same for two changes of the text as a whole, one after the other.
func TestTwiceChangedTextIsNeverPostedAgain(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 3))
	for _, first := range hostileShows {
		for _, second := range hostileShows {
			if losesKey([]func(string) string{first, second}) {
				continue
			}
			for range editRounds / 600 {
				key, content := randomKey(r), randomText(r)
				sent := Keyed(key, content)
				shown := second(first(sent))
				if f := listOf(shown).search(newOwnText(key, content)); f.copies == 0 && f.conflict < 0 && !isAnotherKey(shown, sent) {
					t.Errorf("%q shown as %q would be posted again", sent, shown)
				}
			}
		}
	}
}

// A text that differs from ours in one character is never taken for ours, unless the two differ in typography alone.
func TestEditedTextIsNeverAdopted(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(2, 2))
	for range editRounds {
		key, content := randomKey(r), randomText(r)
		edited := edit(content, r)
		same := oneForm(edited) == oneForm(content) || oneForm(withoutLineBreaks(edited)) == oneForm(content)
		for _, shown := range []string{
			Keyed(key, content), html.EscapeString(Keyed(key, content)), "<p>" + html.EscapeString(Keyed(key, content)) + "</p>",
		} {
			if f := listOf(shown).search(newOwnText(key, edited)); f.copies > 0 && !same {
				t.Fatalf("%q was taken for %q", shown, Keyed(key, edited))
			}
		}
		if SameText(content, edited) && !same {
			t.Fatalf("%q and %q count as the same text", content, edited)
		}
	}
}

// The one form is one: a text that is in it does not change again.
func TestOneForm(t *testing.T) {
	t.Parallel()
	for _, s := range append(editWords, "&amp;lt;", "＆lt；", "&\u200bamp;", "a\r\n b", "", "\x00", "[deploy 4711] <p>x") {
		if form := oneForm(s); oneForm(form) != form {
			t.Errorf("%q becomes %q, and that %q", s, form, oneForm(form))
		}
		own, shown := newOwnText("deploy 4711", s), newShownText(s)
		shown.mayBe(own) // must not panic, and neither must this
		shown.shows(own, 0)
	}
}
