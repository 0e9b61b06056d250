package main

import (
	"encoding/binary"
	"errors"

	// Each of these is decoded by the type that its URL names.
	_ "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"google.golang.org/protobuf/proto"
)

const frameHeadBytes = 5

// Resources that are new or other than before, by type URL and name; nil: removed.
type changes map[string]map[string]types.Resource

func parseChanges(frames []byte) (changes, error) {
	found := changes{}
	for len(frames) > 0 {
		if len(frames) < frameHeadBytes {
			return nil, errors.New("half a frame")
		}
		end := frameHeadBytes + int(binary.BigEndian.Uint32(frames[1:]))
		if len(frames) < end {
			return nil, errors.New("half a message")
		}
		var response discovery.DeltaDiscoveryResponse
		if err := proto.Unmarshal(frames[frameHeadBytes:end], &response); err != nil {
			return nil, err
		}
		if err := found.take(&response); err != nil {
			return nil, err
		}
		frames = frames[end:]
	}
	return found, nil
}

func (found changes) take(response *discovery.DeltaDiscoveryResponse) error {
	ofType := found[response.GetTypeUrl()]
	if ofType == nil {
		ofType = map[string]types.Resource{}
		found[response.GetTypeUrl()] = ofType
	}
	for _, item := range response.GetResources() {
		message, err := item.GetResource().UnmarshalNew()
		if err != nil {
			return err
		}
		ofType[item.GetName()] = message
	}
	for _, name := range response.GetRemovedResources() {
		ofType[name] = nil
	}
	return nil
}
