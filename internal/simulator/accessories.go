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

func (ex *exchange) upload(body object) func() *answer {
	name := mandatory[string](ex, body, "accessory_name")
	from := mandatory[string](ex, body, "accessory_from")
	mode := optional[json.Number](ex, body, "upload_type")
	text := mandatory[string](ex, body, "accessory_data")
	data, err := base64.StdEncoding.Strict().DecodeString(text)
	ex.require(err == nil && !strings.ContainsAny(text, "\r\n"), malformed("accessory_data is not base64"))
	ex.require(between(name, 1, 512) && !strings.ContainsAny(name, `/\`) && !strings.ContainsFunc(name, unicode.IsControl),
		outOfLimits("accessory_name out of limits"))
	ex.require(from == "message" || from == "incident", outOfLimits("accessory_from out of limits"))
	ex.require(mode == "" || mode == "0" || mode == "1", outOfLimits("upload_type out of limits"))
	ex.require(slices.Contains(accessoryTypes, strings.ToLower(strings.TrimPrefix(path.Ext(name), "."))), outOfLimits("File type not allowed"))
	ex.require(len(data) > 0, outOfLimits("File is empty"))
	ex.require(len(data) <= accessoryMB<<20, outOfLimits("File too large"))
	return func() *answer {
		ex.uploads++
		id := fmt.Sprintf("accessory-%08d", ex.uploads)
		ex.accessories[id] = name
		return &answer{status: 200, body: map[string]string{"accessory_id": id}}
	}
}

func (ex *exchange) limits(object) func() *answer {
	limit := map[string]string{
		"limit_count":     fmt.Sprint(accessoryCount),
		"limit_size":      fmt.Sprint(accessoryMB),
		"limit_file_type": strings.Join(accessoryTypes, ","),
	}
	return func() *answer {
		return &answer{status: 200, body: map[string]any{"accessory_limit": limit}}
	}
}

// deleteAccessory removes an accessory that no message uses.
func (ex *exchange) deleteAccessory(object) func() *answer {
	return func() *answer {
		if _, ok := ex.accessories[ex.param]; !ok {
			return outOfLimits("No such accessory")
		}
		for _, c := range ex.caseOrder {
			for _, m := range c.messages {
				if slices.Contains(m.AccessoryIDs, ex.param) {
					return refuse(200, "OSM.01010002", "The accessory is in use")
				}
			}
		}
		delete(ex.accessories, ex.param)
		return &answer{status: 200}
	}
}
