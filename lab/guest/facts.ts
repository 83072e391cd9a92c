import type { Guest, GuestRequest } from '../model/machine.ts';
import { kernelArguments } from './command.ts';

/** What suites are told about a guest: its profile's facts and what the profile makes QEMU emulate. */
export function factsOf(request: GuestRequest): Guest['facts'] {
  const { profile, accel } = request;
  return {
    vcpus: profile.icount ? 1 : profile.vcpus,
    iommu: profile.iommu,
    icount: profile.icount,
    kvm: accel === 'kvm' && !profile.icount,
    swiotlb: kernelArguments(request).includes('swiotlb=force'),
    ...profile.facts,
  };
}
