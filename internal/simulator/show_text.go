package simulator

import (
	"html"
	"regexp"
	"strings"
	"time"
)

// markup is a rich-text label. A lone < is text.
var markup = regexp.MustCompile(`</?[A-Za-z][^<>]*>`)

// showText is the text of a message on the wire. list-strips, list-escapes and
// list-truncates come first and apply to every message. The other conditions
// come next, in the order of faultKinds, then placeholder, then Options.Show.
// They leave seeded messages alone unless Options.ChangeSeeded is set. It needs
// s.mu.
func (ex *exchange) showText(m *message, trim bool) string {
	text := m.Content
	if _, strips := ex.struck[kindStrips]; strips || trim {
		text = markup.ReplaceAllString(text, "")
	}
	if _, escapes := ex.struck[kindEscapes]; escapes {
		text = html.EscapeString(text)
	}
	if _, truncates := ex.struck[kindTruncates]; truncates {
		text = cutTo(400)(text)
	}
	if !m.submitted && !ex.s.opts.ChangeSeeded {
		return text
	}
	for _, k := range ex.inOrder {
		if k.text != nil {
			text = k.text(text)
		}
	}
	if f, ok := ex.struck[kindPlaceholder]; ok && m.submitted && ex.younger(m, f.Delay) {
		text = "…"
	}
	if ex.s.opts.Show != nil {
		text = ex.s.opts.Show(text)
	}
	return text
}

// younger reports whether a message is younger than age. It needs s.mu.
func (ex *exchange) younger(m *message, age time.Duration) bool {
	return m.CreateTime.Add(age).After(ex.s.nowLocked())
}

// replaceWide replaces each character that takes four bytes in UTF-8, as
// emoji do.
func replaceWide(by string) func(string) string {
	return func(text string) string {
		var b strings.Builder
		for _, r := range text {
			if r > 0xFFFF {
				b.WriteString(by)
			} else {
				b.WriteRune(r)
			}
		}
		return b.String()
	}
}

// replacing is a change that replaces old strings by new ones, in pairs.
func replacing(oldNew ...string) func(string) string {
	return strings.NewReplacer(oldNew...).Replace
}

// cutTo cuts a text to a number of characters.
func cutTo(characters int) func(string) string {
	return func(text string) string {
		if r := []rune(text); len(r) > characters {
			return string(r[:characters])
		}
		return text
	}
}

// cutToBytes cuts a text to a number of bytes. What remains of a character that
// it cuts through is shown as U+FFFD.
func cutToBytes(bytes int) func(string) string {
	return func(text string) string {
		return strings.ToValidUTF8(text[:min(bytes, len(text))], "\uFFFD")
	}
}

var secret = regexp.MustCompile(`(?i)(password[\s:=]+)[^\s:=]\S*`)

func maskPasswords(text string) string { return secret.ReplaceAllString(text, "${1}***") }

func addPrefix(text string) string { return "[customer] " + text }

func addSignature(text string) string { return text + "\nSent from the service console" }

var (
	bold      = regexp.MustCompile(`\*\*(.+?)\*\*`)
	heading   = regexp.MustCompile(`(?m)^# ([^\r\n]*)`)
	lineBreak = regexp.MustCompile(`\r\n|\r|\n`)
)

func renderMarkdown(text string) string {
	text = bold.ReplaceAllString(text, "<strong>$1</strong>")
	text = heading.ReplaceAllString(text, "<h1>$1</h1>")
	return lineBreak.ReplaceAllString(text, "<br/>")
}

func moderated(string) string { return "This message was hidden by a moderator." }

func blanked(string) string { return "" }
