package provider

import (
	"bytes"
	"cmp"
	"context"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/vmihailenco/msgpack/v5"
)

// Every command asks about every message in the state: what its state is in this
// version's schema, what it is now, and what it becomes. The answer is nearly
// always what came with the question. Decoding and encoding it is most of what a
// provider does in a plan without changes. So the methods of this file hand back
// what came if the framework would (see TestShortcuts), and leave everything else
// to the framework. Only a message that was just imported has private state: the
// framework notes the import there.

const caseMessageType = "servicerequest_case_message"

// caseMessageSchema returns the type and the version of a message's schema.
var caseMessageSchema = sync.OnceValues(func() (tftypes.Type, int64) {
	var resp resource.SchemaResponse
	new(caseMessageResource).Schema(context.Background(), resource.SchemaRequest{}, &resp)
	return resp.Schema.Type().TerraformType(context.Background()), resp.Schema.Version
})

// UpgradeResourceState hands back a state that has the schema's attributes alone.
func (s *server) UpgradeResourceState(ctx context.Context, req *tfprotov6.UpgradeResourceStateRequest) (*tfprotov6.UpgradeResourceStateResponse, error) {
	typ, version := caseMessageSchema()
	if req.TypeName == caseMessageType && req.Version == version && req.RawState != nil && req.RawState.JSON != nil {
		if _, err := req.RawState.Unmarshal(typ); err == nil {
			return &tfprotov6.UpgradeResourceStateResponse{UpgradedState: &tfprotov6.DynamicValue{JSON: req.RawState.JSON}}, nil
		}
	}
	return s.framework.UpgradeResourceState(ctx, req)
}

// ReadResource hands back the state, as Read does.
func (s *server) ReadResource(ctx context.Context, req *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, error) {
	if state, ok := readFields(req.TypeName, req.CurrentState, req.Private); ok {
		identity := req.CurrentIdentity
		if identity == nil { // an older Terraform, or a state that it wrote
			identity = state.identityData()
		}
		return &tfprotov6.ReadResourceResponse{NewState: req.CurrentState, NewIdentity: identity}, nil
	}
	return s.framework.ReadResource(ctx, req)
}

// PlanResourceChange hands back a state that does not change.
func (s *server) PlanResourceChange(ctx context.Context, req *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	state, ok := readFields(req.TypeName, req.PriorState, req.PriorPrivate)
	if ok && state.ConfirmedBy != nil && req.ProposedNewState != nil && bytes.Equal(req.PriorState.MsgPack, req.ProposedNewState.MsgPack) {
		return &tfprotov6.PlanResourceChangeResponse{PlannedState: req.PriorState, PlannedIdentity: cmp.Or(req.PriorIdentity, noIdentity)}, nil
	}
	return s.framework.PlanResourceChange(ctx, req)
}

// ApplyResourceChange confirms a destroy, as Delete does.
func (s *server) ApplyResourceChange(ctx context.Context, req *tfprotov6.ApplyResourceChangeRequest) (*tfprotov6.ApplyResourceChangeResponse, error) {
	if _, ok := readFields(req.TypeName, req.PriorState, req.PlannedPrivate); ok && isNull(req.PlannedState) {
		return &tfprotov6.ApplyResourceChangeResponse{NewState: req.PlannedState, NewIdentity: noIdentity}, nil
	}
	return s.framework.ApplyResourceChange(ctx, req)
}

var noIdentity = &tfprotov6.ResourceIdentityData{IdentityData: &tfprotov6.DynamicValue{MsgPack: msgpackNull}}

var msgpackNull = []byte{0xc0}

func isNull(v *tfprotov6.DynamicValue) bool { return v != nil && bytes.Equal(v.MsgPack, msgpackNull) }

// caseMessageFields are the attributes of a state that the shortcuts need.
type caseMessageFields struct {
	CaseID      *string `msgpack:"case_id"`
	GroupID     *string `msgpack:"group_id"`
	ID          *string `msgpack:"id"`
	ConfirmedBy *string `msgpack:"confirmed_by"`
}

func readFields(typeName string, state *tfprotov6.DynamicValue, private []byte) (f caseMessageFields, ok bool) {
	if typeName != caseMessageType || state == nil || len(private) > 0 {
		return f, false
	}
	err := msgpack.Unmarshal(state.MsgPack, &f)
	return f, err == nil && f.CaseID != nil && f.ID != nil
}

func (f caseMessageFields) identityData() *tfprotov6.ResourceIdentityData {
	identity := caseMessageModel{caseMessage: caseMessage{CaseID: types.StringPointerValue(f.CaseID)}, ID: types.StringPointerValue(f.ID)}.identity()
	data, _ := msgpack.Marshal(map[string]*string{ // strings always encode
		"case_id": f.CaseID, "message_id": identity.MessageID.ValueStringPointer(), "group_id": f.GroupID,
	})
	return &tfprotov6.ResourceIdentityData{IdentityData: &tfprotov6.DynamicValue{MsgPack: data}}
}
