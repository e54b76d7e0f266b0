package simulator

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"
)

// The limits of attachments, from the service's API reference.
const (
	accessoryCount = 10
	accessoryMB    = 2
)

var accessoryTypes = []string{"jpg", "jpeg", "bmp", "png", "gif", "txt", "doc", "docx", "rar", "zip", "pdf", "xls", "xlsx"}

func (ex *exchange) upload(body object) (do func() *answer, refusal *answer) {
	var r reader
	r.only(body, "accessory_name", "accessory_from", "upload_type", "accessory_data")
	name := mandatory[string](&r, body, "accessory_name")
	from := mandatory[string](&r, body, "accessory_from")
	mode := optional[json.Number](&r, body, "upload_type")
	text := mandatory[string](&r, body, "accessory_data")
	data, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") {
		r.fail("accessory_data is not base64")
	}
	switch {
	case r.refusal != nil:
		return nil, r.refusal
	case !between(name, 1, 512), strings.ContainsAny(name, `/\`), strings.ContainsFunc(name, unicode.IsControl):
		return nil, outOfLimits("accessory_name out of limits")
	case from != "message" && from != "incident":
		return nil, outOfLimits("accessory_from out of limits")
	case mode != "" && mode != "0" && mode != "1":
		return nil, outOfLimits("upload_type out of limits")
	case !slices.Contains(accessoryTypes, strings.ToLower(strings.TrimPrefix(path.Ext(name), "."))):
		return nil, outOfLimits("File type not allowed")
	case len(data) == 0:
		return nil, outOfLimits("File is empty")
	case len(data) > accessoryMB<<20:
		return nil, outOfLimits("File too large")
	}
	return func() *answer {
		s := ex.s
		s.uploads++
		id := fmt.Sprintf("accessory-%08d", s.uploads)
		s.accessories[id] = name
		return &answer{status: 200, body: map[string]string{"accessory_id": id}}
	}, nil
}

func (ex *exchange) limits(object) (do func() *answer, refusal *answer) {
	limit := map[string]any{
		"limit_count":     fmt.Sprint(accessoryCount),
		"limit_size":      fmt.Sprint(accessoryMB),
		"limit_file_type": strings.Join(accessoryTypes, ","),
	}
	if ex.s.opts.NumericLimits {
		limit["limit_count"], limit["limit_size"] = accessoryCount, accessoryMB
	}
	return func() *answer {
		return &answer{status: 200, body: map[string]any{"accessory_limit": limit}}
	}, nil
}

// deleteAccessory removes an accessory that no message uses.
func (ex *exchange) deleteAccessory(object) (do func() *answer, refusal *answer) {
	return func() *answer {
		s := ex.s
		if _, ok := s.accessories[ex.param]; !ok {
			return outOfLimits("No such accessory")
		}
		for _, c := range s.caseOrder {
			for _, m := range c.messages {
				if slices.Contains(m.AccessoryIDs, ex.param) {
					return refuse(200, "OSM.01010002", "The accessory is in use")
				}
			}
		}
		delete(s.accessories, ex.param)
		return &answer{status: 200}
	}, nil
}
