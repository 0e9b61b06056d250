package main

import (
	"context"
	"strconv"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
)

// All proxies get the same, so they are one group: one snapshot is set, not one for each of them.
const group = "all"

type oneGroup struct{}

func (oneGroup) ID(*core.Node) string { return group }

type snapshotStore struct {
	snapshots cache.SnapshotCache
	current   map[string]map[string]types.Resource
	versions  map[string]int
	next      *cache.Snapshot
}

func newSnapshotStore() *snapshotStore {
	return &snapshotStore{
		snapshots: cache.NewSnapshotCache(true, oneGroup{}, nil),
		current:   map[string]map[string]types.Resource{},
		versions:  map[string]int{},
	}
}

func (store *snapshotStore) cache() cache.Cache { return store.snapshots }

// A type that did not change keeps its version: else all of it would be sent again in the whole-state protocol.
// Versions of single resources are hashes, made here as ours are made before it publishes.
func (store *snapshotStore) load(changes changes) error {
	for typeURL, ofType := range changes {
		if len(ofType) == 0 {
			continue
		}
		if store.current[typeURL] == nil {
			store.current[typeURL] = map[string]types.Resource{}
		}
		for name, message := range ofType {
			if message == nil {
				delete(store.current[typeURL], name)
			} else {
				store.current[typeURL][name] = message
			}
		}
		store.versions[typeURL]++
	}
	store.next = &cache.Snapshot{}
	for typeURL, byName := range store.current {
		items := make([]types.Resource, 0, len(byName))
		for _, message := range byName {
			items = append(items, message)
		}
		version := strconv.Itoa(store.versions[typeURL])
		store.next.Resources[cache.GetResponseType(typeURL)] = cache.NewResources(version, items)
	}
	return store.next.ConstructVersionMap()
}

func (store *snapshotStore) publish() error {
	return store.snapshots.SetSnapshot(context.Background(), group, store.next)
}
