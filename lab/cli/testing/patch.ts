/**
 * A one-patch series that adds `statement` where nvme_uring_cmd_io has read the command (drivers/nvme/host/ioctl.c of
 * debian-6.12).
 */
export function onePatch(subject: string, statement: string): string {
  return `From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001
From: Ringlab Developers <dev@ringlab.example>
Date: Fri, 6 Nov 2026 12:00:00 +0000
Subject: [PATCH] ${subject}

A change of one line, made by a test.

Signed-off-by: Ringlab Developers <dev@ringlab.example>
---
 drivers/nvme/host/ioctl.c | 1 +
 1 file changed, 1 insertion(+)

diff --git a/drivers/nvme/host/ioctl.c b/drivers/nvme/host/ioctl.c
--- a/drivers/nvme/host/ioctl.c
+++ b/drivers/nvme/host/ioctl.c
${HUNK.replace('STATEMENT', () => statement)}`;
}

const HUNK = `@@ -502,6 +502,7 @@ static int nvme_uring_cmd_io(struct nvme_ctrl *ctrl, struct nvme_ns *ns,
 	blk_mq_req_flags_t blk_flags = 0;
 	int ret;
 
+	STATEMENT
 	c.common.opcode = READ_ONCE(cmd->opcode);
 	c.common.flags = READ_ONCE(cmd->flags);
 	if (c.common.flags)
`;
