// SPDX-License-Identifier: Apache-2.0
// Source: https://internetcomputer.org/docs/references/ic-interface-spec#system-api-imports ;
// every function with a destination address (`dst`) writes the heap.
#include "wasmdiff/api_effects.h"

namespace canrec::wasmdiff {

ApiEffect effect_of(ic::SystemApi function) {
  using enum ic::SystemApi;
  switch (function) {
    case kMsgArgDataSize:
    case kMsgCallerSize:
    case kMsgCallerInfoDataSize:
    case kMsgCallerInfoSignerSize:
    case kMsgRejectCode:
    case kMsgRejectMsgSize:
    case kMsgDeadline:
    case kMsgReplyDataAppend:
    case kMsgReply:
    case kMsgReject:
    case kCanisterSelfSize:
    case kSubnetSelfSize:
    case kCanisterStatus:
    case kCanisterVersion:
    case kMsgMethodNameSize:
    case kAcceptMessage:
    case kStable64Size:
    case kStable64Grow:
    case kStableSize:
    case kStableGrow:
    case kRootKeySize:
    case kCertifiedDataSet:
    case kDataCertificatePresent:
    case kDataCertificateSize:
    case kTime:
    case kGlobalTimerSet:
    case kPerformanceCounter:
    case kIsController:
    case kInReplicatedExecution:
    case kEnvVarCount:
    case kEnvVarNameSize:
    case kEnvVarNameExists:
    case kEnvVarValueSize:
    case kDebugPrint:
    case kMsgCyclesAvailable:
    case kMsgCyclesRefunded:
    case kMsgCyclesAccept:
    case kCanisterCycleBalance:
      return ApiEffect::kNone;
    case kTrap:
      return ApiEffect::kTraps;
    case kStableWrite:
    case kStable64Write:
      return ApiEffect::kWritesStable;
    case kCallNew:
    case kCallOnCleanup:
    case kCallDataAppend:
    case kCallWithBestEffortResponse:
    case kCallCyclesAdd:
    case kCallCyclesAdd128:
    case kCallPerform:
      return ApiEffect::kCallsBack;
    default:
      return ApiEffect::kWritesHeap;
  }
}

}  // namespace canrec::wasmdiff
