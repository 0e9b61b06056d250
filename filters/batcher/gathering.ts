/** The batches of a lane: which one a request joins, which one goes first and when, and who leaves. */
import { BatchRequest } from '../wire/batch/batch-request.ts';
import { Batch, CALLED, Lane, Member } from './batch.ts';

/** The batch of the lane that the request may join, or null. */
export function batchFor(lane: Lane, request: BatchRequest): Batch | null {
  for (let i = 0; i < lane.gathering.length; i++) {
    const batch = lane.gathering[i];
    const first = batch.members[0].request;
    if (first !== null && first.joinsWith(request)) return batch;
  }
  return null;
}

/** The batch whose earliest member waits the shortest; of equal ones the oldest. There is one. */
export function mostUrgent(lane: Lane): Batch {
  let first = lane.gathering[0];
  for (let i = 1; i < lane.gathering.length; i++) {
    if (lane.gathering[i].deadlineMs < first.deadlineMs) first = lane.gathering[i];
  }
  return first;
}

export function removeBatch(batch: Batch): void {
  const lane = batch.lane;
  lane.line.batches.remove(batch);
  const index = lane.gathering.indexOf(batch);
  if (index >= 0) lane.gathering.splice(index, 1);
}

/** Its client has gone before the batch went. */
export function leaveBatch(member: Member): void {
  const batch = member.batch;
  const request = member.request;
  if (batch === null || request === null) return;
  const index = batch.members.indexOf(member);
  if (index >= 0) batch.members.splice(index, 1);
  batch.rows -= request.rows;
  batch.bytes -= request.bytes.length;
  member.batch = null;
  if (batch.members.length == 0) removeBatch(batch);
}

/** Whether it has waited long enough, or one of its members would be late with the next tick. */
export function isDue(batch: Batch, now: f64, tickMs: i32): boolean {
  const lane = batch.lane;
  if (batch.isOver(now, lane.line.route.maxDelayMs)) return true;
  return batch.deadlineMs - lane.callMs < now + f64(tickMs);
}

/** Takes out those who wait no longer, so that they take no room in the call. */
export function takeLate(batch: Batch, now: f64): Member[] {
  const late: Member[] = [];
  if (batch.deadlineMs > now) return late;
  const members = batch.members;
  batch.members = [];
  batch.deadlineMs = f64.MAX_VALUE;
  for (let i = 0; i < members.length; i++) {
    const member = members[i];
    if (member.deadlineMs > now) {
      batch.add(member);
      continue;
    }
    const request = member.request;
    if (request !== null) {
      batch.rows -= request.rows;
      batch.bytes -= request.bytes.length;
    }
    late.push(member);
  }
  return late;
}

/** Those who wait no longer, of a call that goes on for the others. The batch's deadline is the others'. */
export function lateInCall(batch: Batch, now: f64): Member[] {
  const late: Member[] = [];
  batch.deadlineMs = f64.MAX_VALUE;
  for (let i = 0; i < batch.members.length; i++) {
    const member = batch.members[i];
    if (member.state != CALLED) continue;
    if (member.deadlineMs <= now) late.push(member);
    else if (member.deadlineMs < batch.deadlineMs) batch.deadlineMs = member.deadlineMs;
  }
  return late;
}
