//go:build unix

package main

import (
	"fmt"
	"html"
	"strings"
)

// theme is the colours of a chart. The bars have the order of subjectNames.
type theme struct {
	text, muted, line string
	bars              []string
}

var (
	light = theme{text: "#1f2328", muted: "#59636e", line: "#d1d9e0", bars: []string{"#afb8c1", "#0969da", "#bc4c00", "#8250df"}}
	dark  = theme{text: "#f0f6fc", muted: "#9198a1", line: "#3d444d", bars: []string{"#656c76", "#4493f8", "#db6d28", "#ab7df8"}}
)

// chart draws the times of the larger numbers of messages, as multiples of
// terraform_data: one group of bars for each command. The first plan is left out:
// it is like the no-op plan.
func (r *results) chart(t theme) string {
	const (
		width, left, right = 760, 180, 90
		bar, gap, group    = 11, 2, 14
	)
	names := r.subjectNames()
	if len(names) > len(t.bars) {
		names = names[:len(t.bars)]
	}
	var groups []struct {
		title string
		times []timing
	}
	top := 1.0
	for _, n := range networks {
		for _, size := range r.sizes() {
			if size == 1 {
				continue // a command on one message is Terraform's own start
			}
			for _, op := range operations {
				if op.Name == "plan" || n.TLS && op.Name != "apply" { // no other command sends anything
					continue
				}
				title := fmt.Sprintf("%s of %d", op.Name, size)
				if n.TLS {
					title += ", HTTPS 50 ms"
				}
				var times []timing
				for _, name := range names {
					if m, ok := r.timing(n.Name, size, name, op.Name); ok {
						times = append(times, m)
						top = max(top, m.Ratio)
					}
				}
				if len(times) > 0 {
					groups = append(groups, struct {
						title string
						times []timing
					}{title, times})
				}
			}
		}
	}

	var b strings.Builder
	y := 46
	scale := float64(width-left-right) / top
	text := func(x float64, y int, anchor, fill string, size int, s string) {
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="%s" fill="%s" font-size="%d">%s</text>`+"\n", x, y, anchor, fill, size, html.EscapeString(s))
	}
	text(0, 16, "start", t.text, 14, "Commands on 100 and 1,000 messages: time as a multiple of terraform_data (shorter is faster)")
	x := 0.0
	for i, name := range names {
		fmt.Fprintf(&b, `<rect x="%.1f" y="26" width="11" height="11" fill="%s"/>`+"\n", x, t.bars[i])
		text(x+16, 36, "start", t.muted, 12, name)
		x += 40 + 7*float64(len(name))
	}
	for _, g := range groups {
		y += group
		height := len(g.times)*(bar+gap) - gap
		text(left-10, y+height/2+4, "end", t.text, 12, g.title)
		for i, m := range g.times {
			fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n", left, y, m.Ratio*scale, bar, t.bars[i])
			text(left+m.Ratio*scale+6, y+bar-2, "start", t.muted, 11, fmt.Sprintf("%.1f× (%.2f s)", m.Ratio, m.Seconds))
			y += bar + gap
		}
	}
	height := y + group
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="system-ui, sans-serif" role="img" aria-label="Bar chart: time of Terraform commands with this provider and with curl, as multiples of terraform_data">
<line x1="%d" y1="46" x2="%d" y2="%d" stroke="%s"/>
%s</svg>
`, width, height, width, height, left, left, height, t.line, b.String())
}
