#!/usr/bin/env node
/**
 * Starts the pod. Plain JavaScript, because a first file of TypeScript would load the compiler even where
 * NODE_COMPILE_CACHE has what it made of all files the last time: 40 MB in the process and its threads.
 */
await import('./main.ts');
