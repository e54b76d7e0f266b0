package credentials

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Profile is a profile in the configuration file of KooCLI, hcloud. The file is read
// when the first call needs credentials.
type Profile struct {
	File     string // usually ~/.hcloud/config.json
	Name     string // empty is the current one
	DomainID string // the account's ID; empty: that of the profile
}

func (Profile) mode() Mode { return ModeProfile }

func (p Profile) issue(_ context.Context, c *Credentials) (issued, error) {
	k, err := p.read()
	if err != nil {
		return issued{}, &UnusableError{fmt.Errorf("the KooCLI file (shared_config_file, by default ~/.hcloud/config.json) %w", err)}
	}
	c.keep(k.SecretKey, k.SecurityToken)
	k.DomainID = cmp.Or(p.DomainID, k.DomainID)
	return issued{reread: true, key: k}, nil
}

func (p Profile) read() (AccessKey, error) {
	text, err := readFile(p.File, 1<<20)
	if err != nil {
		return AccessKey{}, err
	}
	var file struct {
		Current   string `json:"current"`
		Encrypted any    `json:"authEncrypt"` // "true" or "false"
		Profiles  []struct {
			Name string `json:"name"`
			Mode string `json:"mode"`
			AccessKey
			SSO struct {
				STS AccessKey `json:"stsToken"`
			} `json:"ssoAuth"`
		} `json:"profiles"`
	}
	if json.Unmarshal(text, &file) != nil {
		return AccessKey{}, errors.New("is not the JSON that KooCLI writes")
	}
	if strings.EqualFold(fmt.Sprint(file.Encrypted), "true") {
		return AccessKey{}, errors.New("is encrypted; run hcloud configure set --cli-auth-encrypt=false")
	}
	name := cmp.Or(p.Name, file.Current)
	for _, profile := range file.Profiles {
		if profile.Name != name {
			continue
		}
		k := profile.AccessKey
		switch profile.Mode {
		case "AKSK":
		case "SSO":
			k = profile.SSO.STS
			k.DomainID = profile.DomainID
		default:
			return AccessKey{}, fmt.Errorf("has a profile %q of the mode %q, and only AKSK and SSO are supported: use assume_agency or ecs_agency instead", name, profile.Mode)
		}
		if k.AccessKey == "" || k.SecretKey == "" || !isSendable(k.AccessKey+k.SecurityToken) {
			return AccessKey{}, fmt.Errorf("has a profile %q without an access key; run hcloud configure or hcloud configure sso", name)
		}
		return k, nil
	}
	return AccessKey{}, fmt.Errorf("has no profile %q", name)
}
